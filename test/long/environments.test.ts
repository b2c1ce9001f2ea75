import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { APIGatewayProxyResult } from 'aws-lambda'
import { bundle } from '#infra/plugins/bundle.ts'
import type { Problem } from '#lib/http/problem.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { type Environment, startEnvironment } from '../support/environment.ts'
import { restEvent } from '../support/events.ts'
import { observe } from '../support/messages.ts'
import { until } from '../support/until.ts'

/** The broker's, for all of its connections; the test's own is one of them. */
const CONNECTIONS = 100
/** Of the version before the redeploy, more than the limit, and of the one after, fewer: 200 together. */
const OLD = 120
const NEW = 80
const CALLERS = 10
const ROOT = join(import.meta.dirname, '..', '..')

const ending = endOfFile()
let broker: Broker
let handler: string
const arrived = new Set<string>()

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'warren-environments-'))
  ending.after(() => rm(folder, { recursive: true }))
  handler = join(folder, 'handler.cjs')
  await writeFile(handler, (await bundle(join(ROOT, 'functions/publish/handler.ts'))).code)
  broker = await startBroker()
  ending.after(() => broker.dispose())
  const observer = await observe(broker.amqpUrl)
  ending.after(() => observer.close())
  // RabbitMQ 3.10 does not heed connection_max; the vhost's limit it does.
  await broker.ctl('set_vhost_limits', '-p', '/', `{"max-connections":${CONNECTIONS}}`)
  await observer.bind('orders', 'orders.q')
  await observer.channel.consume(
    'orders.q',
    (message) => void (message && arrived.add(message.properties.messageId)),
    { noAck: true },
  )
})

async function startMany(t: TestContext, count: number): Promise<Environment[]> {
  const all: Environment[] = []
  t.after(() => Promise.all(all.map((environment) => environment.kill())))
  const env = { PATH: process.env['PATH'], AMQP_URL: broker.amqpUrl }
  while (all.length < count) {
    const some = Math.min(5, count - all.length)
    all.push(
      ...(await Promise.all(Array.from({ length: some }, () => startEnvironment(handler, env)))),
    )
  }
  return all
}

/** What API Gateway says when a function does not answer. */
const GATEWAY_LOST: APIGatewayProxyResult = {
  statusCode: 504,
  body: JSON.stringify({ code: 'gateway-lost', outcome: 'unknown', retryable: true }),
}

/** What callers were told, by message id: `200`, or the outcome of a problem. */
class Account {
  readonly told = new Map<string, string[]>()
  readonly codes: Record<string, number> = {}
  refusals = 0
  slowestMs = 0

  /** Gives the seconds to wait before the next try; undefined: it was published. */
  note(id: string, result: APIGatewayProxyResult | undefined): number | undefined {
    const { statusCode, headers = {}, body } = result ?? GATEWAY_LOST
    const problem = statusCode === 200 ? undefined : (JSON.parse(body) as Problem)
    const code = problem?.code ?? '200'
    this.codes[code] = (this.codes[code] ?? 0) + 1
    this.told.set(id, [...(this.told.get(id) ?? []), problem?.outcome ?? '200'])
    if (problem === undefined) return undefined
    if (problem.outcome === 'unknown') return 1
    assert.deepEqual([statusCode, problem.outcome, problem.retryable], [503, 'not-published', true])
    this.refusals += 1
    const seconds = Number(headers['retry-after'])
    assert.ok(seconds >= 1, `Retry-After ${seconds}`)
    return seconds
  }

  of(wanted: (outcomes: readonly string[]) => boolean): string[] {
    return [...this.told].flatMap(([id, outcomes]) => (wanted(outcomes) ? [id] : []))
  }
}

/** One message, tried again as the answers say. */
async function deliver(
  account: Account,
  id: string,
  choose: () => Environment | undefined,
  untilMs: number,
): Promise<void> {
  const started = performance.now()
  const headers = { 'idempotency-key': [id] }
  while (performance.now() < untilMs) {
    const environment = choose()
    const waitS = environment?.isIdle
      ? account.note(id, await environment.invoke(restEvent({ headers })))
      : 0.05
    if (waitS === undefined) {
      account.slowestMs = Math.max(account.slowestMs, performance.now() - started)
      return
    }
    await sleep(waitS * 1000)
  }
}

/** Callers that send one message after the other for this long, each to one of those at random. */
async function load(
  account: Account,
  name: string,
  choose: () => Environment | undefined,
  forMs: number,
) {
  const untilMs = performance.now() + forMs
  let ids = 0
  const caller = async () => {
    while (performance.now() < untilMs) {
      await deliver(account, `${name}-${ids++}`, choose, untilMs)
      await sleep(Math.random() * 100)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
}

/** Calls each of them once, some at a time, as a burst of requests would. */
async function burst(account: Account, environments: readonly Environment[]): Promise<void> {
  const waiting = [...environments.entries()]
  const caller = async () => {
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const [index, environment] = next
      await deliver(account, `burst-${index}`, () => environment, performance.now() + 1)
    }
  }
  await Promise.all(Array.from({ length: CALLERS }, caller))
}

const oneOf = (all: readonly Environment[]) => {
  const idle = all.filter(({ isIdle }) => isIdle)
  return idle[Math.floor(Math.random() * idle.length)]
}

const connectionCount = async () =>
  Number(await broker.erlang('length(rabbit_networking:connections()).'))

test('200 environments, frozen and thawed, and a broker with 100 connections: nobody is lied to', async (t) => {
  const account = new Account()
  const old = await startMany(t, OLD)
  const fresh = await startMany(t, NEW)
  const all = [...old, ...fresh]
  const memory = all.reduce((sum, environment) => sum + environment.memoryMib(), 0)
  t.diagnostic(`${all.length} environments, ${Math.round(memory)} MiB`)

  await burst(account, old)
  await load(account, 'old', () => oneOf(old), 10_000)
  t.diagnostic(`before the redeploy: ${await connectionCount()} connections`)
  assert.ok(account.refusals > 0, 'the limit was not reached')

  // The frozen ones of before hold connections until the broker misses their heartbeats.
  const redeployed = performance.now()
  const mostlyNew = () => oneOf(Math.random() < 0.1 ? old : fresh)
  await load(account, 'both', mostlyNew, 60_000)
  t.diagnostic(`60 s after the redeploy: ${await connectionCount()} connections`)
  // Whoever slept for longer than the broker's patience publishes at once, or says that it did not.
  await load(account, 'late', () => oneOf(old), 5000)

  await Promise.all(old.map((environment) => environment.kill()))
  const untilMs = performance.now() + 120_000
  const alive = fresh.filter(({ isIdle }) => isIdle)
  await Promise.all(
    alive.map((environment, index) =>
      deliver(account, `last-${index}`, () => environment, untilMs),
    ),
  )
  const recoveredS = Math.round((performance.now() - redeployed) / 1000)
  t.diagnostic(
    `${alive.length} of ${NEW} new ones have published, ${recoveredS} s after the redeploy`,
  )
  t.diagnostic(`${account.told.size} messages; slowest ${Math.round(account.slowestMs)} ms`)
  t.diagnostic(JSON.stringify(account.codes))

  const published = account.of((outcomes) => outcomes.includes('200'))
  await until('what was answered with 200', () => published.every((id) => arrived.has(id)))
  for (const index of alive.keys()) assert.ok(published.includes(`last-${index}`), `${index}`)
  assert.ok(alive.length > NEW / 2, 'the machine is too slow: most functions ran out of time')
  const refused = account.of((outcomes) => outcomes.every((one) => one === 'not-published'))
  assert.deepEqual(
    refused.filter((id) => arrived.has(id)),
    [],
  )
})
