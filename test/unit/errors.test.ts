import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PROBLEMS, type ProblemCode, type ProblemRow, WarrenError } from '#lib/errors.ts'

const ROWS = Object.entries(PROBLEMS) as [ProblemCode, ProblemRow][]

describe('the status table', () => {
  for (const [code, row] of ROWS) {
    test(`${code} is consistent`, () => {
      assert.match(code, /^[a-z]+(-[a-z]+)*$/)
      assert.ok(row.status >= 400 && row.status < 600)
      // A caller who sees a 4xx without our body takes it for not published, a 5xx for unknown.
      if (row.status < 500) assert.equal(row.outcome, 'not-published')
      if (row.outcome !== 'not-published') assert.ok(row.retryable)
      if (row.status === 504) assert.equal(row.outcome, 'unknown')
      assert.match(row.detail, /\.$/)
      assert.doesNotMatch(row.title, /\.$/)
    })

    test(`${code} says how to retry where that can help`, () => {
      if (row.status === 429 || (row.status === 503 && row.retryable)) {
        assert.ok((row.retryAfterS ?? 0) >= 1)
      }
      if (!row.retryable) assert.equal(row.retryAfterS, undefined)
      if (row.outcome !== 'not-published')
        assert.match(row.detail, /same (Idempotency-Key|message id)/)
    })
  }

  test('has no two rows with one title', () => {
    assert.equal(new Set(ROWS.map(([, row]) => row.title)).size, ROWS.length)
  })
})

test('an error of ours says what its thrower said, else its title, and keeps its cause for the log', () => {
  const cause = new Error('inner')
  const plain = new WarrenError('unroutable', { cause })
  assert.equal(plain.message, PROBLEMS.unroutable.title)
  assert.equal(plain.cause, cause)
  assert.equal(plain.name, 'WarrenError')
  assert.equal(plain.row, PROBLEMS.unroutable)
  assert.equal(new WarrenError('unroutable', { detail: 'No queue.' }).message, 'No queue.')
})
