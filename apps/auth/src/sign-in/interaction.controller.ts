import { Body, Controller, Get, Inject, Param, Post, Req, Res, UseFilters } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Client, Interaction } from 'oidc-provider';
import { z } from 'zod';
import type { Scope } from '@rookery/contracts';
import { Produces, Public } from '@rookery/platform';
import { AccountService } from '../account/account.service';
import { TYPED_PASSWORD_MAX } from '../account/password-policy';
import type { User } from '../account/user.entity';
import { AUTH_CONFIG, type AuthConfig } from '../auth.config';
import { consentPage } from '../pages/consent.page';
import { formTarget, pageHeaders } from '../pages/page';
import { signInPage } from '../pages/sign-in.page';
import { API_RESOURCE, grantableScopes } from '../provider/api-access';
import { ProviderHost } from '../provider/provider-host';
import { FormTokens } from './form-tokens';
import { InteractionErrorFilter, InteractionExpired } from './interaction-error.filter';
import { SignInThrottle } from './sign-in-throttle';

/** Any input of a browser; errors are shown on the page, not as a problem document. */
const InteractionForm = z
  .object({
    token: z.string(),
    action: z.string(),
    login: z.string().max(254),
    password: z.string().max(TYPED_PASSWORD_MAX),
  })
  .partial()
  .catch({});
type InteractionForm = z.infer<typeof InteractionForm>;

const OIDC_MEANINGS: Readonly<Record<string, string>> = {
  profile: 'See your name',
  email: 'See your e-mail address',
  offline_access: 'Stay signed in while you are away',
};
/** The scopes in words, for the consent page. */
const API_MEANINGS: Readonly<Record<Scope, string>> = {
  'catalog:write': 'Change the catalog and its stock',
  'orders:read': 'See the orders and payments you have access to',
  'orders:write': 'Place and cancel orders on your behalf',
  'ops:read': 'See the state of the system',
  'ops:write': 'Replay and discard events that could not be handled',
};
const MEANINGS: Readonly<Record<string, string>> = { ...OIDC_MEANINGS, ...API_MEANINGS };

interface Asked {
  readonly interaction: Interaction;
  readonly client: Client;
}

/** The pages between a client's request and its response: sign-in and consent. */
@Controller('interaction')
@Produces('text/html')
@Public()
@UseFilters(InteractionErrorFilter)
export class InteractionController {
  constructor(
    @Inject(AUTH_CONFIG) private readonly config: AuthConfig,
    private readonly host: ProviderHost,
    private readonly accounts: AccountService,
    private readonly throttle: SignInThrottle,
    private readonly tokens: FormTokens,
  ) {}

  @Get(':uid')
  async show(@Param('uid') uid: string, @Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    const asked = await this.find(uid, request, reply);
    await this.send(reply, 200, asked, await this.pageFor(asked));
  }

  @Post(':uid')
  async submit(
    @Param('uid') uid: string,
    @Body() body: unknown,
    @Req() request: FastifyRequest,
    @Res() reply: FastifyReply,
  ): Promise<void> {
    const asked = await this.find(uid, request, reply);
    const form = InteractionForm.parse(body);
    if (!(await this.tokens.redeem(uid, form.token ?? ''))) {
      const page = await this.pageFor(asked, { error: 'This page has expired. Please try again.', login: form.login });
      await this.send(reply, 403, asked, page);
      return;
    }
    if (form.action === 'cancel') {
      await this.finish(request, reply, { error: 'access_denied', error_description: 'the user denied access' });
      return;
    }
    switch (asked.interaction.prompt.name) {
      case 'login':
        return this.signIn(asked, form, request, reply);
      case 'consent':
        return this.consent(asked, request, reply);
      default:
        throw new InteractionExpired();
    }
  }

  private async signIn(
    asked: Asked,
    form: InteractionForm,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<void> {
    const { login = '', password = '' } = form;
    const person = await this.accounts.personOf(login);
    const wait = await this.throttle.begin(person, request.ip);
    if (wait !== undefined) {
      reply.header('retry-after', String(wait));
      const page = await this.pageFor(asked, {
        login,
        error: `Too many attempts. Wait ${wait} seconds and try again.`,
      });
      await this.send(reply, 429, asked, page);
      return;
    }
    const user = await this.accounts.authenticate(login, password);
    if (user === undefined) {
      await this.send(
        reply,
        401,
        asked,
        await this.pageFor(asked, { login, error: 'The name or password is incorrect.' }),
      );
      return;
    }
    await this.throttle.succeeded(person, request.ip);
    await this.finish(request, reply, { login: { accountId: user.id, amr: ['pwd'] } });
  }

  private async consent({ interaction, client }: Asked, request: FastifyRequest, reply: FastifyReply): Promise<void> {
    const user = await this.userOf(interaction);
    const { provider } = this.host;
    const known = interaction.grantId === undefined ? undefined : await provider.Grant.find(interaction.grantId);
    const grant = known ?? new provider.Grant({ accountId: user.id, clientId: client.clientId });
    const { oidc, api } = scopesToGrant(interaction, client, user);
    grant.addOIDCScope(oidc.join(' '));
    grant.addResourceScope(API_RESOURCE, api.join(' '));
    await this.finish(request, reply, { consent: { grantId: await grant.save() } });
  }

  private async pageFor(
    { interaction, client }: Asked,
    again: { readonly login?: string; readonly error?: string } = {},
  ): Promise<string> {
    const form = { action: `/interaction/${interaction.uid}`, token: await this.tokens.issue(interaction.uid) };
    const clientName = client.clientName ?? client.clientId;
    if (interaction.prompt.name === 'login') {
      return signInPage({ ...form, clientName, demo: this.config.DEMO, ...again });
    }
    if (interaction.prompt.name !== 'consent') {
      throw new InteractionExpired();
    }
    const user = await this.userOf(interaction);
    const { oidc, api } = scopesToGrant(interaction, client, user);
    const scopes = [...oidc, ...api].flatMap((name) => {
      const meaning = MEANINGS[name];
      return meaning === undefined ? [] : [{ name, meaning }];
    });
    return consentPage({ ...form, clientName, userName: user.name, scopes });
  }

  /** The interaction of this browser's cookie; the path alone grants no access. */
  private async find(uid: string, request: FastifyRequest, reply: FastifyReply): Promise<Asked> {
    const { provider } = this.host;
    const interaction = await provider.interactionDetails(request.raw, reply.raw);
    const clientId = interaction.params['client_id'];
    const client = typeof clientId === 'string' ? await provider.Client.find(clientId) : undefined;
    if (interaction.uid !== uid || client === undefined) {
      throw new InteractionExpired();
    }
    return { interaction, client };
  }

  private async userOf(interaction: Interaction): Promise<User> {
    const id = interaction.session?.accountId;
    const user = id === undefined ? undefined : await this.accounts.findEnabled(id);
    if (user === undefined) {
      throw new InteractionExpired();
    }
    return user;
  }

  private async finish(
    request: FastifyRequest,
    reply: FastifyReply,
    result: Parameters<ProviderHost['provider']['interactionResult']>[2],
  ) {
    const next = await this.host.provider.interactionResult(request.raw, reply.raw, result, {
      mergeWithLastSubmission: true,
    });
    await reply.status(303).header('cache-control', 'no-store').header('location', next).send();
  }

  private async send(reply: FastifyReply, status: number, { interaction }: Asked, page: string): Promise<void> {
    const headers = pageHeaders(formTarget(interaction.params['redirect_uri']));
    await reply
      .status(status)
      .headers({ ...headers })
      .send(page);
  }
}

/** The requested scopes that both client and user may hold. */
function scopesToGrant(
  interaction: Interaction,
  client: Client,
  user: User,
): { readonly oidc: string[]; readonly api: string[] } {
  const { scope } = interaction.params;
  const requested = typeof scope === 'string' ? scope.split(' ') : [];
  const oidc = requested.filter((name) => name === 'openid' || name in OIDC_MEANINGS);
  return { oidc, api: grantableScopes(requested, client['api_scope'], user.roles) };
}
