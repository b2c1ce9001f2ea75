import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GetMessage } from 'amqplib'
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
  checkHeaders(answer, one.headers ?? {})
  checkQueues(taken, one, answer)
}

function checkAnswer(answer: Received, { status = 200, json }: Case): void {
  assert.equal(answer.status, status, answer.body.toString())
  if (json === undefined) return
  assert.match(answer.headers['content-type'] ?? '', /^application\/json\b/)
  assert.partialDeepStrictEqual(answer.json(), json)
}

const CHALLENGE = 'Bearer realm="warren"'

/** Checks that an answer is this problem, as the status table has it, but for what the case says. */
export function checkProblem(
  answer: Received,
  code: ProblemCode,
  { request, json = {}, ...more }: Pick<Case, 'request' | 'status' | 'json' | 'headers'>,
): void {
  const row: ProblemRow = PROBLEMS[code]
  const { status = row.status } = more
  assert.equal(answer.status, status, answer.body.toString())
  const after = row.retryAfterS === undefined ? undefined : String(row.retryAfterS)
  checkHeaders(answer, { ...PROBLEM_HEADERS, 'retry-after': after, ...more.headers })
  // The gateway adds an error code to it, which API Gateway cannot.
  const challenge = answer.headers['www-authenticate']?.slice(0, CHALLENGE.length)
  assert.equal(challenge, status === 401 ? CHALLENGE : undefined)
  if (request.method === 'HEAD') return
  const problem = answer.json()
  const { title, outcome, retryable } = row
  const type = `/problems/${code}`
  assert.partialDeepStrictEqual(problem, { type, title, status, code, outcome, retryable, ...json })
  for (const member of ['detail', 'instance']) assert.ok(problem[member], member)
  if (code === 'body-too-large') assert.ok(Number(problem['maxBytes']) > 0, 'maxBytes')
}

const PROBLEM_HEADERS = {
  'content-type': 'application/problem+json',
  'cache-control': 'no-store',
}

function checkHeaders({ headers }: Received, expected: NonNullable<Case['headers']>): void {
  for (const [name, value] of Object.entries(expected)) {
    assert.equal(headers[name], value, `header ${name}`)
  }
}

function checkQueues(taken: readonly Taken[], one: Case, answer: Received): void {
  const { request, messages = [] } = one
  assert.deepEqual(
    taken.map(({ queue }) => queue),
    messages.map(({ queue }) => queue),
  )
  for (const [i, { message }] of taken.entries()) {
    checkMessage(message, { body: request.body ?? '', ...messages[i] })
  }
  if (request.method !== 'POST' && request.method !== undefined) return
  assert.deepEqual(
    taken.map(({ message }) => message.properties.messageId),
    publishedIds(answer.json()),
  )
}

/** What an answer, or a result in it, says of a message. */
interface Told {
  readonly status?: unknown
  readonly routed?: boolean
  readonly messageId?: string
}

/** The ids of all messages that an answer says are in a queue: its own, or those of a batch. */
function publishedIds(json: Told & { readonly results?: readonly Told[] }): unknown[] {
  const told = json.results ?? (json.messageId === undefined ? [] : [json])
  return told.filter(isPublished).map(({ messageId }) => messageId)
}

const isPublished = ({ status, routed = true }: Told) =>
  routed && (status === 'OK' || status === 200)

function checkMessage({ content, properties }: GetMessage, expected: Partial<ExpectedMessage>) {
  assert.ok(content.equals(bytesOf(expected.body ?? '')), 'the same bytes')
  assert.partialDeepStrictEqual(properties, { deliveryMode: 2, ...expected.properties })
  assert.partialDeepStrictEqual(properties.headers ?? {}, expected.headers ?? {})
}

const bytesOf = (body: Buffer | string) => (typeof body === 'string' ? Buffer.from(body) : body)
