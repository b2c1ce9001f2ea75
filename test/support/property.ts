import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import type { Child } from '#infra/local/child.ts'
import { PROBLEMS, type ProblemCode } from '#lib/errors.ts'
import { arbitraryRequest, type Tokens, toWire, type WireRequest } from './arbitrary-request.ts'
import { assertDocumented } from './documented.ts'
import type { Ending } from './ending.ts'
import { type Observer, observe } from './messages.ts'
import { type RawAnswer, sendRaw } from './raw-http.ts'

const TOKENS: Tokens = {
  scoped: 'the-token-that-may-publish-orders-0123456789',
  powerless: 'the-token-that-may-publish-nowhere-012345678',
}
const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

/** A file of tokens for `API_TOKENS_FILE`. */
export async function writeTokens(ending: Ending): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-tokens-'))
  ending.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'tokens.json')
  const grants = (exchange: string) => [{ exchange }]
  const tokens = [
    {
      name: 'scoped',
      sha256: sha256(TOKENS.scoped),
      publish: [...grants('orders'), ...grants('orders.*')],
    },
    { name: 'powerless', sha256: sha256(TOKENS.powerless), publish: grants('no-such') },
  ]
  await writeFile(file, JSON.stringify({ tokens }))
  return file
}

/** Declares a queue behind everything that a message could wrongly reach. */
export async function declareOracle(ending: Ending, amqpUrl: string): Promise<Oracle> {
  const observer = await observe(amqpUrl)
  ending.after(() => observer.close())
  await observer.bind('orders', 'orders.q')
  await observer.bind('orders.full', 'orders.full.q', {
    'x-max-length': 0,
    'x-overflow': 'reject-publish',
  })
  await observer.channel.assertExchange('orders.unbound', 'fanout')
  await observer.bind('secret', 'secret')
  for (const exchange of ['amq.fanout', 'amq.direct', 'amq.topic']) {
    await observer.channel.bindQueue('secret', exchange, '#')
  }
  return { allowed: () => taken(observer, 'orders.q'), forbidden: () => taken(observer, 'secret') }
}

const taken = async (observer: Observer, queue: string) => (await observer.ids(queue)).length

/** What arrived since it was asked last. */
export interface Oracle {
  allowed(): Promise<number>
  /** Also what was sent to the default exchange by the queue's name. */
  forbidden(): Promise<number>
}

export interface PropertyTarget {
  readonly port: number
  readonly oracle: Oracle
  /** Must still run, the same one, when all is over. */
  readonly process: Child
  /** What of all requests it can be sent. @default all */
  readonly takes?: (request: WireRequest) => boolean
}

/** Statuses with which a healthy broker's caller is answered: none says that something broke. */
const HEALTHY: ReadonlySet<number> = new Set([
  200, 400, 401, 403, 404, 405, 413, 414, 415, 422, 431,
])
/** A queue that is full, and a batch with an item for it. */
const PARTIAL: ReadonlySet<string> = new Set<ProblemCode>([
  'nacked',
  'batch-incomplete' as ProblemCode,
])

/**
 * Whatever is sent: the status, the media type and the form of the answer are documented, no 5xx but
 * for the full queue, and no message without a token whose scope covers it.
 */
export async function holdsForAnyRequest(
  { port, oracle, process, takes = () => true }: PropertyTarget,
  numRuns: number,
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(arbitraryRequest(TOKENS).filter(takes), async (request) => {
      const answer = await sendRaw(port, toWire(request), { untilEnd: true })
      checkForm(answer, request)
      const arrived = await oracle.allowed()
      assert.equal(await oracle.forbidden(), 0, 'a message without leave')
      if (arrived > 0) {
        assert.ok(mayPublish(request), 'a message without a token for it')
        assert.ok(answer.status === 200 || answer.status === 422 || answer.status === 503)
      }
    }),
    { numRuns },
  )
  assert.equal(await Promise.race([process.ended, Promise.resolve('running')]), 'running')
}

function mayPublish({ method, fields }: WireRequest): boolean {
  const given = fields.filter(([name]) => name === 'Authorization').map(([, value]) => value)
  return method === 'POST' && given.length === 1 && given[0]?.trim() === `Bearer ${TOKENS.scoped}`
}

function checkForm(answer: RawAnswer, { method, target }: WireRequest): void {
  const { status = 0, headers, text } = answer
  assert.ok(status > 0, `no answer: ${text.slice(0, 200)}`)
  const type = headers.get('content-type') ?? ''
  if (status >= 400) assert.equal(type, 'application/problem+json', `${status}`)
  // The edge sends browsers to the console's address; that is no answer of the interface.
  const isRedirect = status >= 300 && status < 400 && headers.has('location')
  if (!isRedirect) {
    assertDocumented(method, target, { status, contentType: type, body: answer.body })
  }
  if (method === 'HEAD' || status < 400) return
  const problem = JSON.parse(answer.body)
  assert.ok(HEALTHY.has(status) || PARTIAL.has(problem.code), `${status} ${answer.body}`)
  assert.equal(problem.status, status)
  const row = PROBLEMS[problem.code as ProblemCode]
  assert.ok(row, problem.code)
  assert.equal(problem.type, `/problems/${problem.code}`)
  assert.equal(typeof problem.retryable, 'boolean')
  assert.ok(['not-published', 'partial', 'unknown'].includes(problem.outcome))
  for (const member of ['title', 'detail', 'instance'])
    assert.equal(typeof problem[member], 'string')
}
