import { type Adapter, errors, Provider } from 'oidc-provider';
import { z } from 'zod';
import { type PayloadAdapter, POLL_SECONDS } from './payload-adapter';

const Body = z.looseObject({ device_code: z.string() });

/**
 * Tells devices that poll too often to slow down (RFC 8628, 3.5), which the library does not do. Only while the decision is pending:
 * `slow_down` is a variant of `authorization_pending`.
 */
export function paceDevices(rows: PayloadAdapter): Adapter {
  return {
    find: async (id) => {
      const code = await rows.find(id);
      const isPoll = Provider.ctx?.oidc.route === 'token' && code?.clientId === Provider.ctx.oidc.client?.clientId;
      const isPending = code !== undefined && code.accountId === undefined && code.error === undefined;
      if (isPoll && isPending && (await rows.isPolledTooSoon(id))) {
        throw new errors.SlowDown();
      }
      return code;
    },
    upsert: (id, payload, expiresIn) => rows.upsert(id, payload, expiresIn),
    findByUid: (uid) => rows.findByUid(uid),
    findByUserCode: (userCode) => rows.findByUserCode(userCode),
    consume: (id) => rows.consume(id),
    destroy: (id) => rows.destroy(id),
    revokeByGrantId: (grantId) => rows.revokeByGrantId(grantId),
  };
}

/** Adds the polling interval to the response for devices (RFC 8628, 3.2). */
export function announcePollInterval(provider: Provider): void {
  provider.use(async (ctx, next) => {
    await next();
    const { success, data: body } = Body.safeParse(ctx.body);
    if (success) {
      ctx.body = { ...body, interval: POLL_SECONDS };
    }
  });
}
