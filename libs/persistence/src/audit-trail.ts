import { Injectable } from '@nestjs/common';
import { DataSource } from 'typeorm';
import { Audit, type AuditedAct, logger, requireContext, runInContext, toProblem, uuidv7 } from '@rookery/platform';

/** Writes the audit to `ops_audit`, outside of any transaction of the action, so that a failed action stays recorded. */
@Injectable()
export class AuditTrail extends Audit {
  constructor(private readonly dataSource: DataSource) {
    super();
  }

  async around<T extends { readonly outcome: string }>(act: AuditedAct, work: () => Promise<T>): Promise<T> {
    const id = uuidv7();
    const { action, target } = act;
    await this.dataSource.query(
      `INSERT INTO ops_audit (id, subject, client_id, action, target, correlation_id) VALUES ($1, $2, $3, $4, $5, $6)`,
      [id, act.subject, act.clientId, action, target, requireContext().correlationId],
    );
    try {
      const result = await work();
      await this.end(id, act, result.outcome);
      return result;
    } catch (error) {
      await this.end(id, act, toProblem(error).code);
      throw error;
    }
  }

  /** Records the outcome even after the deadline. A failure to record it must not change the answer of the finished action. */
  private async end(id: string, { action, target }: AuditedAct, outcome: string): Promise<void> {
    logger.info({ audit: id, action, target, outcome }, 'operator');
    try {
      await runInContext({ ...requireContext(), deadline: undefined }, () =>
        this.dataSource.query('UPDATE ops_audit SET outcome = $2, ended_at = now() WHERE id = $1', [id, outcome]),
      );
    } catch (error) {
      logger.error({ err: error, audit: id }, 'could not record the outcome of an audited action');
    }
  }
}
