import assert from 'node:assert/strict'
import { test } from 'node:test'
import { PROBLEMS, type ProblemCode, type ProblemRow } from '#lib/errors.ts'
import { CASES, type Case, type ExpectedMessage, type Shell } from './cases.ts'
import type { Queues, Taken } from './queues.ts'
import { type Received, send } from './send.ts'

/** Where the cases are tried. */
export interface Target {
  readonly origin: string
  readonly token: string
  readonly queues: Queues
}

/** Makes a test of every case that this shell answers. @param target is there once a test runs */
export function testCases(shell: Shell, target: () => Target): void {
  for (const one of CASES) {
    if (one.shells !== undefined && !one.shells.includes(shell)) continue
    const answer = one.problem ?? `${one.status ?? 200}`
    test(`${one.name} (${answer})`, () => runCase(one, target()))
  }
}

async function runCase(one: Case, { origin, token, queues }: Target): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, ...one.request.headers }
  const known = Object.entries(headers).filter(([, value]) => value !== undefined)
  const answer = await send(origin, { ...one.request, headers: Object.fromEntries(known) })
  const taken = await queues.drain()
  if (one.problem === undefined) checkAnswer(answer, one)
  else checkProblem(answer, one.problem, one)
  for (const [name, value] of Object.entries(one.headers ?? {})) {
    assert.equal(answer.headers[name], value, `header ${name}`)
  }
  checkQueues(taken, one, answer)
}

function checkAnswer(answer: Received, { status = 200, json = {} }: Case): void {
  assert.equal(answer.status, status, answer.body.toString())
  assert.match(answer.headers['content-type'] ?? '', /^application\/json\b/)
  assert.partialDeepStrictEqual(answer.json(), json)
}

const CHALLENGE = 'Bearer realm="warren"'

/** Checks that an answer is this problem, as the status table has it. */
export function checkProblem(
  answer: Received,
  code: ProblemCode,
  { request }: Pick<Case, 'request'>,
): void {
  const row: ProblemRow = PROBLEMS[code]
  assert.equal(answer.status, row.status, answer.body.toString())
  assert.equal(answer.headers['content-type'], 'application/problem+json')
  assert.equal(answer.headers['cache-control'], 'no-store')
  const after = row.retryAfterS === undefined ? undefined : String(row.retryAfterS)
  assert.equal(answer.headers['retry-after'], after)
  // The gateway adds an error code to it, which API Gateway cannot.
  const challenge = answer.headers['www-authenticate']?.slice(0, CHALLENGE.length)
  assert.equal(challenge, row.status === 401 ? CHALLENGE : undefined)
  if (request.method === 'HEAD') return
  const problem = answer.json()
  const { status, title, outcome, retryable } = row
  const type = `/problems/${code}`
  assert.partialDeepStrictEqual(problem, { type, status, title, code, outcome, retryable })
  assert.ok(problem['detail'], 'a detail')
  assert.ok(problem['instance'], 'an instance')
  if (code === 'body-too-large') assert.ok(Number(problem['maxBytes']) > 0, 'maxBytes')
}

function checkQueues(taken: readonly Taken[], { request, message }: Case, answer: Received): void {
  const queues = taken.map(({ queue }) => queue)
  assert.deepEqual(queues, message === undefined ? [] : [message.queue])
  if (message === undefined || taken[0] === undefined) return
  const { content, properties } = taken[0].message
  assert.ok(content.equals(bytesOf(message.body ?? request.body ?? '')), 'the same bytes')
  assert.equal(properties.messageId, answer.json()['messageId'])
  checkProperties(properties, message)
}

const bytesOf = (body: Buffer | string) => (typeof body === 'string' ? Buffer.from(body) : body)

function checkProperties(properties: Taken['message']['properties'], message: ExpectedMessage) {
  assert.partialDeepStrictEqual(properties, { deliveryMode: 2, ...message.properties })
  assert.partialDeepStrictEqual(properties.headers ?? {}, message.headers ?? {})
}
