/** An operator's action on the running system. */
export interface AuditedAct {
  /** The subject of the access token, and the client that it was issued to. */
  readonly subject: string;
  readonly clientId: string | null;
  /** The action in the imperative: `replay-dead-letter`. */
  readonly action: string;
  /** The id of the object acted on. */
  readonly target: string;
}

/** Records operators' actions. Persistence implements it with a row of the service's own database. */
export abstract class Audit {
  /**
   * Records the action, runs it, then records its outcome or the failure's code. An action that cannot be recorded does not run;
   * one whose process crashed midway stays recorded without an outcome.
   */
  abstract around<T extends { readonly outcome: string }>(act: AuditedAct, work: () => Promise<T>): Promise<T>;
}
