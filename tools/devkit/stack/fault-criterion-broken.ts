import type { AppProcess } from './app-process';

/** A criterion of a fault that did not hold. */
export class FaultCriterionBroken extends Error {}

/**
 * Stops an app and requires exit code 0.
 * @throws {FaultCriterionBroken} when it ends with another
 */
export async function stopCleanly(app: AppProcess): Promise<void> {
  await app.stop();
  const code = await app.ended;
  if (code !== 0) {
    throw new FaultCriterionBroken(`${app.app} did not end well: exit code ${code}`);
  }
}
