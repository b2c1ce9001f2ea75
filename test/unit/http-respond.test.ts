import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { defined } from '#lib/defined.ts'
import { type ProblemCode, WarrenError } from '#lib/errors.ts'
import { type Answered, type Handle, respondWith } from '#lib/http/respond.ts'
import { jsonResponse } from '#lib/http/response.ts'
import { publishRequest, recordedLog } from '../support/requests.ts'

const secret = 'hunter2'
const asked = publishRequest({ body: secret, headers: { authorization: `Bearer ${secret}` } })

async function respond(handle: Handle<typeof asked>) {
  const { log, lines } = recordedLog()
  const response = await respondWith(handle, log)(asked)
  assert.equal(lines.length, 1, 'one line for each request')
  assert.doesNotMatch(JSON.stringify(lines), /hunter2/)
  const { ms, ...line } = lines[0] ?? assert.fail()
  assert.equal(typeof ms, 'number')
  return { response, line }
}

test('an answer passes unchanged and is logged with what was noted', async () => {
  const answer = jsonResponse(200, { status: 'OK' })
  const { response, line } = await respond(async (_, facts) => {
    facts.exchange = 'orders'
    Object.assign(facts, { messageId: 'm', outcome: 'published', attempts: 1 })
    return answer
  })
  assert.equal(response, answer)
  assert.deepEqual(line, {
    level: 'info',
    message: 'request answered',
    requestId: 'request-1',
    principal: 'tester',
    exchange: 'orders',
    messageId: 'm',
    outcome: 'published',
    attempts: 1,
    status: 200,
  })
})

test('a failure becomes a problem with what was noted before it', async () => {
  const { response, line } = await respond(async (_, facts) => {
    Object.assign(facts, { exchange: 'orders', messageId: 'm' })
    throw new WarrenError('unroutable')
  })
  const problem = JSON.parse(response.body)
  assert.equal(response.status, 422)
  assert.deepEqual(
    [problem.exchange, problem.messageId, problem.instance],
    ['orders', 'm', 'request-1'],
  )
  assert.deepEqual(
    [line.level, line.message, line['code'], line['outcome']],
    ['info', 'request refused', 'unroutable', 'not-published'],
  )
})

test('trouble of ours is logged with its cause: a bug as an error, the broker’s as a warning', async () => {
  const cause = new Error('ECONNREFUSED')
  const broker = await respond(() =>
    Promise.reject(new WarrenError('broker-unavailable', { cause })),
  )
  assert.deepEqual([broker.line.level, broker.response.headers['retry-after']], ['warn', '2'])
  assert.match(String(broker.line['err']), /ECONNREFUSED/)
  const bug = await respond(() => Promise.reject(new TypeError('x is not a function')))
  assert.deepEqual(
    [bug.line.level, bug.line['code'], bug.response.status],
    ['error', 'internal', 500],
  )
  assert.match(String(bug.line['err']), /x is not a function/)
})

test('it answers whatever is thrown', async () => {
  await fc.assert(
    fc.asyncProperty(fc.anything({ withNullPrototype: true, withBigInt: true }), async (thrown) => {
      const { response } = await respond(() => Promise.reject(thrown))
      assert.ok(response.status >= 400)
    }),
  )
})

test('whoever counts is told how each request ended, and an exchange only if it exists', async () => {
  const counted: Answered[] = []
  const ask = (handle: Handle<typeof asked>) =>
    respondWith(handle, recordedLog().log, (answered) => counted.push(answered))(asked)
  const fails = (code: ProblemCode) =>
    ask(async (_, facts) => {
      facts.exchange = 'orders'
      throw new WarrenError(code)
    })
  await ask(async (_, facts) => {
    Object.assign(facts, { exchange: 'orders', outcome: 'published' })
    return jsonResponse(200, {})
  })
  await ask(async (_, facts) => {
    Object.assign(facts, { exchange: 'invented', outcome: 'not-published' })
    return jsonResponse(422, {})
  })
  await fails('unroutable')
  await fails('exchange-not-found')
  assert.deepEqual(
    counted.map(({ ms, ...rest }) => defined(rest)),
    [
      { status: 200, outcome: 'published', exchange: 'orders' },
      { status: 422, outcome: 'not-published' },
      { status: 422, outcome: 'not-published', code: 'unroutable', exchange: 'orders' },
      { status: 404, outcome: 'not-published', code: 'exchange-not-found' },
    ],
  )
})
