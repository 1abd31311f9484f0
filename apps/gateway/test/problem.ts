import { Problem } from '@rookery/contracts';

/** The problem in a response; fails unless media type, status and correlation id match. */
export async function problemOf(response: Response): Promise<Problem> {
  expect(response.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const problem = Problem.parse(await response.json());
  expect(problem.status).toBe(response.status);
  expect(problem.correlationId).toBe(response.headers.get('x-correlation-id'));
  return problem;
}
