import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { before, type TestContext, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePorts } from '#infra/local/ports.ts'
import { TOKEN } from '../support/api.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { MAIN } from '../support/gateway.ts'
import { keepLedger } from '../support/ledger.ts'
import { type Observer, observe } from '../support/messages.ts'
import { until } from '../support/until.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

const ending = endOfFile()
let broker: Broker
let observer: Observer

before(async () => {
  broker = await startBroker()
  ending.after(() => broker.dispose())
  observer = await observe(broker.amqpUrl)
  ending.after(() => observer.close())
})

/** Where a process writes its log; `closed`: whoever read it has gone, `stalled`: it does not read. */
const SINKS = ['full', 'closed', 'stalled'] as const
type Sink = (typeof SINKS)[number]

/** A process of ours whose output, both of it, goes there. */
function start(
  t: TestContext,
  main: string,
  env: Record<string, string>,
  sink: Sink,
): ChildProcess {
  const full = openSync('/dev/full', 'w')
  const output = sink === 'full' ? full : 'pipe'
  const child = spawn(process.execPath, [main], {
    cwd: ROOT,
    env,
    stdio: ['ignore', output, output],
  })
  closeSync(full)
  if (sink === 'closed') for (const stream of [child.stdout, child.stderr]) stream?.destroy()
  t.after(() => child.kill('SIGKILL'))
  return child
}

/** Without its prefix. */
async function metric(url: string, name: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`, { signal: AbortSignal.timeout(2000) })).text()
  return Number(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, 'm').exec(text)?.[1])
}

const isReady = (url: string) => () =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )

/** With the longest ids that there are, so many lines of the log are more than a pipe takes, */
const LINES = 400
/** and so many more than pipe and memory. */
const MANY_LINES = 3500
const longId = (id: number) => `${id}`.padEnd(250, '.')

for (const sink of SINKS) {
  test(`a relay whose log is ${sink} goes on, and copies each message once`, async (t) => {
    const [port] = (await freePorts(1)) as [number]
    const exchange = `log.${sink}`
    const env = {
      AMQP_URL: broker.amqpUrl,
      EXCHANGE: exchange,
      QUEUE_TOPIC: `${exchange}.q`,
      HEALTH_PORT: String(port),
    }
    const child = start(t, 'relay/main.ts', env, sink)
    const ended = once(child, 'exit')
    const url = `http://127.0.0.1:${port}`
    await until('ready', isReady(`${url}/readyz`))
    const ledger = await keepLedger(broker.amqpUrl, `${exchange}.q`)
    t.after(() => ledger.close())
    // Each that has gone round too often is parked, and is a line of the log.
    for (let id = 0; id < LINES; id += 1) {
      const headers = { 'x-relay-hops': 16 }
      observer.channel.publish(exchange, '', Buffer.from('round'), {
        messageId: longId(id),
        headers,
      })
      if (id % 10 === 0)
        observer.channel.publish(exchange, '', Buffer.from('.'), { messageId: `${id}` })
    }
    const parked = () => metric(url, 'warren_relay_parked_total')
    await until('all parked', async () => (await parked()) === LINES, 60_000)
    assert.deepEqual(await ledger.complete(LINES / 10), {
      distinct: LINES / 10,
      duplicates: 0,
      inOrder: true,
    })
    assert.equal(await metric(url, 'warren_relay_redelivered_total'), 0)
    child.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
  })

  test(`a gateway whose log is ${sink} goes on answering`, async (t) => {
    const [port, adminPort] = (await freePorts(2)) as [number, number]
    const exchange = `log.gateway.${sink}`
    await observer.channel.assertExchange(exchange, 'fanout')
    await observer.channel.assertQueue(`${exchange}.q`)
    await observer.channel.bindQueue(`${exchange}.q`, exchange, '')
    const env = {
      AMQP_URL: broker.amqpUrl,
      API_TOKEN: TOKEN,
      PORT: String(port),
      ADMIN_PORT: String(adminPort),
    }
    const child = start(t, MAIN, env, sink)
    const ended = once(child, 'exit')
    await until('ready', isReady(`http://127.0.0.1:${adminPort}/health/ready`))
    const headers = { authorization: `Bearer ${TOKEN}` }
    const publish = async (id: number) => {
      const target = `http://127.0.0.1:${port}/publish/${exchange}?message_id=${longId(id)}`
      const signal = AbortSignal.timeout(5000)
      return (await fetch(target, { method: 'POST', headers, body: '1', signal })).status
    }
    for (let id = 0; id < LINES; id += 50) {
      const statuses = await Promise.all(
        Array.from({ length: 50 }, (_, more) => publish(id + more)),
      )
      assert.deepEqual(new Set(statuses), new Set([200]))
    }
    assert.equal(await observer.depth(`${exchange}.q`), LINES)
    child.kill('SIGTERM')
    assert.deepEqual(await ended, [0, null])
  })
}

test('a relay whose log is read again tells how many lines are missing, and goes on', async (t) => {
  const [port] = (await freePorts(1)) as [number]
  const env = {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'log.again',
    QUEUE_TOPIC: 'log.again.q',
    HEALTH_PORT: String(port),
  }
  const child = start(t, 'relay/main.ts', env, 'stalled')
  const url = `http://127.0.0.1:${port}`
  await until('ready', isReady(`${url}/readyz`))
  const publish = (id: number) => {
    const headers = { 'x-relay-hops': 16 }
    observer.channel.publish('log.again', '', Buffer.from('.'), { messageId: longId(id), headers })
  }
  for (let id = 0; id < MANY_LINES; id += 1) publish(id)
  const parked = (count: number) =>
    until(
      `${count} parked`,
      async () => (await metric(url, 'warren_relay_parked_total')) === count,
      60_000,
    )
  await parked(MANY_LINES)
  const dropped = await metric(url, 'warren_relay_log_dropped_total')
  const lines: { message: string; messageId?: string; dropped?: number }[] = []
  createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) =>
    lines.push(JSON.parse(line)),
  )
  const notice = await until('the notice', () => lines.find((line) => line.dropped !== undefined))
  assert.equal(notice.dropped, dropped)
  publish(MANY_LINES)
  await until('the next line', () =>
    lines.some(({ messageId }) => messageId === longId(MANY_LINES)),
  )
  const told = lines.filter(({ message }) => message === 'message parked').length
  assert.equal(told + dropped, MANY_LINES + 1)
})
