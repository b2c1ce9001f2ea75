import assert from 'node:assert/strict'
import { PROBLEMS, type ProblemCode } from '#lib/errors.ts'
import { SCHEMAS } from '#lib/http/openapi-schemas.ts'
import { faultsOf } from './json-schema.ts'
import type { RawAnswer } from './raw-http.ts'

/** An answer's problem, after checking that it is one of the status table in the form of RFC 9457. */
export function assertProblem(
  answer: RawAnswer,
  code: ProblemCode,
  status: number = PROBLEMS[code].status,
): Readonly<Record<string, unknown>> {
  assert.equal(answer.status, status, answer.text)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const problem = JSON.parse(answer.body)
  assert.deepEqual(faultsOf(problem, SCHEMAS.Problem, { path: '', schemas: SCHEMAS }), [])
  const { title, outcome, retryable } = PROBLEMS[code]
  const told = { type: `/problems/${code}`, title, status, code, outcome, retryable }
  assert.deepEqual({ ...problem, ...told }, problem)
  assert.match(problem.instance, /./)
  assert.match(problem.detail, /\.$/)
  return problem
}
