/** What somebody is about to do to the running system. */
export interface AuditedAct {
  /** Who: the subject of the access token and the client it was given to. */
  readonly subject: string;
  readonly clientId: string | null;
  /** What, imperative: `replay-dead-letter`. */
  readonly action: string;
  /** To what: an id. */
  readonly target: string;
}

/** Notes what operators do. Persistence has the implementation: a row of the service's own database. */
export abstract class Audit {
  /**
   * Notes the act, then does it, then notes its outcome, or the failure's code. What cannot be noted is not done;
   * an act whose process died in the middle of it stays noted without outcome.
   */
  abstract around<T extends { readonly outcome: string }>(act: AuditedAct, work: () => Promise<T>): Promise<T>;
}
