import { Problem } from '@rookery/contracts';

/** The problem in an answer; fails unless it is one, as its media type says, with the answer's own status and correlation id. */
export async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const problem = Problem.parse(await response.json());
  expect(problem.status).toBe(response.status);
  expect(problem.correlationId).toBe(response.headers.get('x-correlation-id'));
  return problem;
}
