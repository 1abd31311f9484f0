import type { Command } from 'commander';

/** One command. Its module is loaded only when the command is called. */
export interface CommandEntry {
  /** The words that call it, for example `verify chaos`. */
  readonly name: string;
  readonly group: string;
  readonly summary: string;
  /** False for a command that runs the same whatever a file `.env` sets. @default true */
  readonly readsEnvFile?: boolean;
  /** Loads the module and answers with what adds the command to its parent. */
  load(): Promise<(parent: Command) => unknown>;
}

/** Commands of two words, by their first word. */
export const FAMILIES: Readonly<Record<string, string>> = {
  events: 'deliver events again',
  credentials: 'certificates and secrets: make them, replace them',
  verify: 'prove what the system promises',
  release: 'bills of materials, promotion',
};

/** The commands below their headings of `rookery --help`. */
const grouped = {
  Daily: [
    {
      name: 'start',
      summary: 'run Postgres, NATS and the five apps; --servers-only leaves the apps out',
      load: async () => (await import('./commands/start')).addStart,
    },
    {
      name: 'demo',
      summary: 'sign alice in to the running system and place three orders',
      load: async () => (await import('./commands/demo')).addDemo,
    },
    {
      name: 'token',
      summary: 'print an access token of a demo user: alice, bob or olga',
      load: async () => (await import('./commands/token')).addToken,
    },
    {
      name: 'seed',
      summary: 'add the demo catalog to the running system, through its API',
      load: async () => (await import('./commands/seed')).addSeed,
    },
    {
      name: 'reset',
      summary: 'delete the databases, events, secrets and logs of `npm start`',
      load: async () => (await import('./commands/reset')).addReset,
    },
    {
      name: 'versions',
      summary: 'print which Node, Postgres and nats-server run here, and where they come from',
      load: async () => (await import('./commands/versions')).addVersions,
    },
    {
      name: 'test',
      summary: 'run every check and every spec; with paths, only their specs',
      readsEnvFile: false,
      load: async () => (await import('./commands/test')).addTest,
    },
    {
      name: 'spec',
      summary: 'run specs with options of Jest, or under a debugger',
      readsEnvFile: false,
      load: async () => (await import('./commands/spec')).addSpec,
    },
    {
      name: 'generate',
      summary: 'write the files that are generated from the code; --check only compares them',
      load: async () => (await import('./commands/generate')).addGenerate,
    },
    {
      name: 'completion',
      summary: 'print a completion script for bash, zsh or fish',
      readsEnvFile: false,
      load: async () => (await import('./commands/completion')).addCompletion,
    },
  ],
  Operate: [
    {
      name: 'dead-letters',
      summary: 'list, show, replay or discard events that a service failed to handle',
      load: async () => (await import('./commands/operator')).addLocalDeadLetters,
    },
    {
      name: 'orders',
      summary: 'explain with `orders why <id>` what an order waits for',
      load: async () => (await import('./commands/operator')).addLocalOrders,
    },
    {
      name: 'reconcile',
      summary: 'compare orders, payments, stock and the provider’s ledger; 1 when they differ',
      load: async () => (await import('./commands/operator')).addLocalReconcile,
    },
    {
      name: 'events republish',
      summary: 'refill a broker that lost its store, from the services’ outboxes',
      load: async () => (await import('./commands/events-republish')).addEventsRepublish,
    },
    {
      name: 'restore',
      summary: 'after the restore of a database: recover lost orders, have events delivered again',
      load: async () => (await import('./commands/restore')).addRestore,
    },
    {
      name: 'credentials rotate',
      summary: 'replace credentials of the running system without downtime',
      load: async () => (await import('./commands/credentials-rotate')).addCredentialsRotate,
    },
    {
      name: 'credentials certs',
      summary: 'make a local certificate authority and certificates, for ROOKERY_TLS=true',
      load: async () => (await import('./commands/credentials-certs')).addCredentialsCerts,
    },
    {
      name: 'credentials new',
      summary: 'write fresh secrets for Compose or for a development cluster',
      load: async () => (await import('./commands/credentials-new')).addCredentialsNew,
    },
  ],
  Prove: [
    {
      name: 'verify chaos',
      summary: 'inject faults into an isolated stack under load, then check the invariants',
      load: async () => (await import('./commands/verify-chaos')).addVerifyChaos,
    },
    {
      name: 'verify mutants',
      summary: 'remove one protection at a time; each run must report a violation',
      load: async () => (await import('./commands/verify-mutants')).addVerifyMutants,
    },
    {
      name: 'verify simulation',
      summary: 'play the saga of three services in memory, under schedules of fast-check',
      readsEnvFile: false,
      load: async () => (await import('./commands/verify-simulation')).addVerifySimulation,
    },
    {
      name: 'verify fuzz',
      summary: 'send hostile requests to an isolated stack, by its OpenAPI document',
      load: async () => (await import('./commands/verify-fuzz')).addVerifyFuzz,
    },
    {
      name: 'verify restore',
      summary: 'lose a database under load, restore it, and count what is missing',
      load: async () => (await import('./commands/verify-restore')).addVerifyRestore,
    },
    {
      name: 'verify images',
      summary: 'build the images, inspect them, and run the whole system from them, hardened',
      load: async () => (await import('./commands/verify-images')).addVerifyImages,
    },
    {
      name: 'verify cluster',
      summary: 'deploy to the cluster of a kubeconfig, update under load, kill, evict, roll back',
      load: async () => (await import('./commands/verify-cluster')).addVerifyCluster,
    },
    {
      name: 'verify policies',
      summary: 'write the admission policies with their cases, for `kyverno test`',
      load: async () => (await import('./commands/verify-policies')).addVerifyPolicies,
    },
    {
      name: 'verify bench',
      summary: 'measure throughput and latency, beside peers in the same run',
      load: async () => (await import('./commands/verify-bench')).addVerifyBench,
    },
  ],
  Release: [
    {
      name: 'release sbom',
      summary: 'write a validated CycloneDX bill of materials of each app, and check licences',
      load: async () => (await import('./commands/release-sbom')).addReleaseSbom,
    },
    {
      name: 'release promote',
      summary: 'move image digests from one environment to the next',
      load: async () => (await import('./commands/release-promote')).addReleasePromote,
    },
  ],
} satisfies Readonly<Record<string, readonly Omit<CommandEntry, 'group'>[]>>;

export const GROUPS: readonly string[] = Object.keys(grouped);

export const commands: readonly CommandEntry[] = Object.entries(grouped).flatMap(([group, entries]) =>
  entries.map((entry) => ({ group, ...entry })),
);
