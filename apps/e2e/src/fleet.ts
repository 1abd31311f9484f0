import { join } from 'node:path';
import type { Caller } from '@rookery/contracts';
import { AppProcess } from '@rookery/devkit/stack/app-process';
import type { TestStack } from '@rookery/devkit/stack/e2e-stack';
import { freePorts } from '@rookery/devkit/stack/ports';
import type { Balancer } from './balancer';

/** One process of an app, and where it listens. */
export interface FleetMember {
  readonly app: Caller;
  readonly process: AppProcess;
  readonly port: number;
}

/** A process that was told to stop. */
export interface Exit {
  readonly app: Caller;
  readonly code: number;
  readonly tookMs: number;
}

/** Several replicas of a stack's apps. Those that speak HTTP stand behind a balancer, the others share a queue group of the broker. */
export class Fleet {
  readonly exits: Exit[] = [];
  private readonly members = new Set<FleetMember>();

  constructor(
    private readonly stack: TestStack,
    private readonly balancers: Readonly<Partial<Record<Caller, Balancer>>>,
    private readonly settings: Readonly<Record<string, string>> = {},
  ) {}

  get size(): number {
    return this.members.size;
  }

  of(app: Caller): readonly FleetMember[] {
    return [...this.members].filter((member) => member.app === app);
  }

  /** Takes over the stack's own process of an app. */
  async adopt(app: Caller): Promise<FleetMember> {
    return this.join({ app, process: this.stack.app(app), port: Number(this.stack.envs[app]['PORT']) });
  }

  /** One more process; resolves when it is ready and, behind a balancer, is given requests. */
  async start(app: Caller, onPort?: number): Promise<FleetMember> {
    const [freePort = 0] = await freePorts(1);
    const port = onPort ?? freePort;
    const env = { ...this.stack.envs[app], ...this.settings, PORT: String(port) };
    const process = new AppProcess(app, env, join(this.stack.folder, 'logs', `${app}-${port}.log`));
    const member = { app, process, port };
    this.members.add(member);
    await process.ready();
    return this.join(member);
  }

  /** SIGTERM; resolves when the process has ended. */
  async stop(member: FleetMember): Promise<void> {
    const startedAt = performance.now();
    await member.process.stop();
    this.exits.push({
      app: member.app,
      code: await member.process.ended,
      tookMs: Math.round(performance.now() - startedAt),
    });
    this.members.delete(member);
    this.balancers[member.app]?.remove(member.port);
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.members].map((member) => this.stop(member)));
  }

  private async join(member: FleetMember): Promise<FleetMember> {
    this.members.add(member);
    await this.balancers[member.app]?.add(member.port);
    return member;
  }
}
