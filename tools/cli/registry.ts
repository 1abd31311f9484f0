import type { Command } from 'commander';

/** Headings of `rookery --help`, in this order. */
export const GROUPS = ['Daily', 'Operate', 'Prove', 'Make it yours', 'Release'] as const;

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

export const commands: readonly CommandEntry[] = [
  {
    name: 'start',
    group: 'Daily',
    summary: 'run Postgres, NATS and the five apps; --servers-only leaves the apps out',
    load: async () => (await import('./commands/start')).addStart,
  },
  {
    name: 'demo',
    group: 'Daily',
    summary: 'sign alice in to the running system and place three orders',
    load: async () => (await import('./commands/demo')).addDemo,
  },
  {
    name: 'token',
    group: 'Daily',
    summary: 'print an access token of a demo user: alice, bob or olga',
    load: async () => (await import('./commands/token')).addToken,
  },
  {
    name: 'seed',
    group: 'Daily',
    summary: 'add the demo catalog to the running system, through its API',
    load: async () => (await import('./commands/seed')).addSeed,
  },
  {
    name: 'reset',
    group: 'Daily',
    summary: 'delete the databases, events, secrets and logs of `npm start`',
    load: async () => (await import('./commands/reset')).addReset,
  },
  {
    name: 'versions',
    group: 'Daily',
    summary: 'print which Node, Postgres and nats-server run here, and where they come from',
    load: async () => (await import('./commands/versions')).addVersions,
  },
  {
    name: 'test',
    group: 'Daily',
    summary: 'run every check and every spec; with paths, only their specs',
    readsEnvFile: false,
    load: async () => (await import('./commands/test')).addTest,
  },
  {
    name: 'spec',
    group: 'Daily',
    summary: 'run specs with options of Jest, or under a debugger',
    readsEnvFile: false,
    load: async () => (await import('./commands/spec')).addSpec,
  },
  {
    name: 'generate',
    group: 'Daily',
    summary: 'write the files that are generated from the code; --check only compares them',
    load: async () => (await import('./commands/generate')).addGenerate,
  },
  {
    name: 'completion',
    group: 'Daily',
    summary: 'print a completion script for bash, zsh or fish',
    readsEnvFile: false,
    load: async () => (await import('./commands/completion')).addCompletion,
  },
  {
    name: 'dead-letters',
    group: 'Operate',
    summary: 'list, show, replay or discard events that a service failed to handle',
    load: async () => (await import('./commands/operator')).addLocalDeadLetters,
  },
  {
    name: 'orders',
    group: 'Operate',
    summary: 'explain with `orders why <id>` what an order waits for',
    load: async () => (await import('./commands/operator')).addLocalOrders,
  },
  {
    name: 'reconcile',
    group: 'Operate',
    summary: 'compare orders, payments, stock and the provider’s ledger; 1 when they differ',
    load: async () => (await import('./commands/operator')).addLocalReconcile,
  },
  {
    name: 'events republish',
    group: 'Operate',
    summary: 'refill a broker that lost its store, from the services’ outboxes',
    load: async () => (await import('./commands/events-republish')).addEventsRepublish,
  },
  {
    name: 'restore',
    group: 'Operate',
    summary: 'after the restore of a database: recover lost orders, have events delivered again',
    load: async () => (await import('./commands/restore')).addRestore,
  },
  {
    name: 'credentials rotate',
    group: 'Operate',
    summary: 'replace credentials of the running system without downtime',
    load: async () => (await import('./commands/credentials-rotate')).addCredentialsRotate,
  },
  {
    name: 'credentials certs',
    group: 'Operate',
    summary: 'make a local certificate authority and certificates, for ROOKERY_TLS=true',
    load: async () => (await import('./commands/credentials-certs')).addCredentialsCerts,
  },
  {
    name: 'credentials new',
    group: 'Operate',
    summary: 'write fresh secrets for Compose or for a development cluster',
    load: async () => (await import('./commands/credentials-new')).addCredentialsNew,
  },
  {
    name: 'verify chaos',
    group: 'Prove',
    summary: 'inject faults into an isolated stack under load, then check the invariants',
    load: async () => (await import('./commands/verify-chaos')).addVerifyChaos,
  },
  {
    name: 'verify mutants',
    group: 'Prove',
    summary: 'remove one protection at a time; each run must report a violation',
    load: async () => (await import('./commands/verify-mutants')).addVerifyMutants,
  },
  {
    name: 'verify simulation',
    group: 'Prove',
    summary: 'play the saga of three services in memory, under schedules of fast-check',
    readsEnvFile: false,
    load: async () => (await import('./commands/verify-simulation')).addVerifySimulation,
  },
  {
    name: 'verify fuzz',
    group: 'Prove',
    summary: 'send hostile requests to an isolated stack, by its OpenAPI document',
    load: async () => (await import('./commands/verify-fuzz')).addVerifyFuzz,
  },
  {
    name: 'verify restore',
    group: 'Prove',
    summary: 'lose a database under load, restore it, and count what is missing',
    load: async () => (await import('./commands/verify-restore')).addVerifyRestore,
  },
  {
    name: 'verify images',
    group: 'Prove',
    summary: 'build the images, inspect them, and run the whole system from them, hardened',
    load: async () => (await import('./commands/verify-images')).addVerifyImages,
  },
  {
    name: 'verify cluster',
    group: 'Prove',
    summary: 'deploy to the cluster of a kubeconfig, update under load, kill, evict, roll back',
    load: async () => (await import('./commands/verify-cluster')).addVerifyCluster,
  },
  {
    name: 'verify policies',
    group: 'Prove',
    summary: 'write the admission policies with their cases, for `kyverno test`',
    load: async () => (await import('./commands/verify-policies')).addVerifyPolicies,
  },
  {
    name: 'verify bench',
    group: 'Prove',
    summary: 'measure throughput and latency, beside peers in the same run',
    load: async () => (await import('./commands/verify-bench')).addVerifyBench,
  },
  {
    name: 'verify eject',
    group: 'Prove',
    summary: 'eject each part from a copy, which must build and pass what is left',
    readsEnvFile: false,
    load: async () => (await import('./commands/verify-eject')).addVerifyEject,
  },
  {
    name: 'eject',
    group: 'Make it yours',
    summary: 'take a part away, with all that belongs to it; without arguments, list the parts',
    readsEnvFile: false,
    load: async () => (await import('./commands/eject')).addEject,
  },
  {
    name: 'rename',
    group: 'Make it yours',
    summary: 'give the workspace another name: packages, program, settings, labels, documents',
    readsEnvFile: false,
    load: async () => (await import('./commands/rename')).addRename,
  },
  {
    name: 'release sbom',
    group: 'Release',
    summary: 'write a validated CycloneDX bill of materials of each app, and check licences',
    load: async () => (await import('./commands/release-sbom')).addReleaseSbom,
  },
  {
    name: 'release promote',
    group: 'Release',
    summary: 'move image digests from one environment to the next',
    load: async () => (await import('./commands/release-promote')).addReleasePromote,
  },
];
