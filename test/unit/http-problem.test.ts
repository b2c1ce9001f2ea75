import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { PROBLEMS, type ProblemCode, type ProblemRow, WarrenError } from '#lib/errors.ts'
import { problemResponse, toProblem } from '#lib/http/problem.ts'

const CODES = Object.keys(PROBLEMS) as ProblemCode[]

describe('a problem', () => {
  for (const code of CODES) {
    test(`${code} says what the table says`, () => {
      const row: ProblemRow = PROBLEMS[code]
      const known = { instance: 'r-1', exchange: 'orders', messageId: 'm-1' }
      const { status, headers, body } = problemResponse(new WarrenError(code), known)
      assert.deepEqual(JSON.parse(body), {
        type: `/problems/${code}`,
        title: row.title,
        status: row.status,
        detail: row.detail,
        instance: 'r-1',
        code,
        outcome: row.outcome,
        retryable: row.retryable,
        exchange: 'orders',
        messageId: 'm-1',
      })
      assert.equal(status, row.status)
      assert.equal(headers['content-type'], 'application/problem+json')
      assert.equal(headers['cache-control'], 'no-store')
      assert.equal(headers['retry-after'], row.retryAfterS?.toString())
      assert.equal(
        headers['www-authenticate'],
        code === 'unauthorized' ? 'Bearer realm="warren"' : undefined,
      )
    })
  }

  test('has what the thrower knows, before what was known of the request', () => {
    const errors = [{ pointer: '#/body', detail: 'no' }]
    const error = new WarrenError('body-too-large', {
      detail: 'Too much.',
      exchange: 'mine',
      maxBytes: 5,
      errors,
      headers: { allow: 'POST' },
      cause: new Error('the password is hunter2'),
    })
    const problem = toProblem(error, { exchange: 'other' })
    assert.deepEqual(
      [problem.detail, problem.exchange, problem.maxBytes, problem.errors],
      ['Too much.', 'mine', 5, errors],
    )
    const { headers, body } = problemResponse(error)
    assert.equal(headers['allow'], 'POST')
    assert.doesNotMatch(body, /hunter2|allow/)
  })

  test('shows nothing of an error that is not ours', () => {
    const error = Object.assign(new Error('amqp://u:hunter2@h'), {
      code: 'unroutable',
      status: 200,
    })
    const { status, body } = problemResponse(error, { instance: 'r-1' })
    assert.equal(status, 500)
    assert.deepEqual(JSON.parse(body), { ...toProblem(undefined), instance: 'r-1' })
    assert.doesNotMatch(body, /hunter2/)
  })
})

test('whatever is thrown becomes a documented failure, never a 2xx', () => {
  const ours = fc
    .tuple(
      fc.constantFrom(...CODES),
      fc.record({ detail: fc.string(), exchange: fc.string() }, { requiredKeys: [] }),
    )
    .map(([code, context]) => new WarrenError(code, context))
  const forged = fc.anything().map((code) => Object.assign(new WarrenError('internal'), { code }))
  const thrown = fc.oneof(
    fc.anything({ withBigInt: true, withNullPrototype: true, withSparseArray: true }),
    ours,
    forged,
  )
  fc.assert(
    fc.property(thrown, (error) => {
      const { status, body } = problemResponse(error)
      const problem = JSON.parse(body)
      const row = PROBLEMS[problem.code as ProblemCode]
      assert.ok(status >= 400)
      assert.deepEqual(
        [problem.status, problem.outcome, problem.retryable],
        [row.status, row.outcome, row.retryable],
      )
    }),
    { numRuns: 1_000 },
  )
})
