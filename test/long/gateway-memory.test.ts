import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import { residentMb } from '../bench/cpu.ts'
import { TOKEN } from '../support/api.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { type Gateway, startTestGateway } from '../support/gateway.ts'
import { haveInstalled } from '../support/installed.ts'
import { type Observer, observe } from '../support/messages.ts'
import { send } from '../support/send.ts'

const MB = 1_000_000
const run = promisify(execFile)
const ending = endOfFile()
let broker: Broker
let observer: Observer
let gateway: Gateway

before(async () => {
  await haveInstalled({ curl: 'curl' })
  broker = await startBroker()
  ending.after(() => broker.dispose())
  observer = await observe(broker.amqpUrl)
  ending.after(() => observer.close())
  await observer.bind('large', 'large.q')
  await observer.bind('small', 'small.q')
  gateway = await startTestGateway(ending, { AMQP_URL: broker.amqpUrl })
})

const publish = (exchange: string, body: Buffer) =>
  send(gateway.origin, {
    path: `/publish/${exchange}`,
    body,
    headers: { authorization: `Bearer ${TOKEN}` },
  })

/** Sends it from a process of its own: what this one does would be in the times that it measures. */
async function sendByCurl(file: string): Promise<number> {
  const { stdout } = await run('curl', [
    ...['--silent', '--output', '/dev/null', '--write-out', '%{http_code}'],
    ...['--header', `Authorization: Bearer ${TOKEN}`, '--data-binary', `@${file}`],
    ...['--header', 'Content-Type: application/octet-stream', '--header', 'Expect:'],
    `${gateway.origin}/publish/large`,
  ])
  return Number(stdout)
}

const percentile = (values: readonly number[], part: number) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * part)] ?? 0

/** The 99th percentile in ms of small requests, one after the other, while `busy` goes on. */
async function smallP99(busy: Promise<unknown>): Promise<number> {
  const body = randomBytes(1000)
  const waits: number[] = []
  let running = true
  void busy.finally(() => {
    running = false
  })
  while (running || waits.length < 50) {
    const started = performance.now()
    assert.equal((await publish('small', body)).status, 200)
    waits.push(performance.now() - started)
  }
  return percentile(waits, 0.99)
}

test('64 callers with 20 MB each: taken or told overloaded, in under 600 MB, small ones go on', async () => {
  const quiet = await smallP99(new Promise((resolve) => setTimeout(resolve, 2000)))
  const folder = await mkdtemp(join(tmpdir(), 'warren-memory-'))
  ending.after(() => rm(folder, { recursive: true }))
  const file = join(folder, 'body')
  await writeFile(file, randomBytes(20 * MB))
  let most = 0
  const watching = setInterval(() => {
    most = Math.max(most, residentMb([gateway.child.pid]))
  }, 50)
  const storm = Promise.all(Array.from({ length: 64 }, () => sendByCurl(file)))
  const busy = await smallP99(storm)
  clearInterval(watching)
  const statuses = await storm
  const count = (status: number) => statuses.filter((one) => one === status).length
  const [taken, overloaded, unknown] = [count(200), count(503), count(504)]
  console.log(
    `${taken} taken, ${overloaded} overloaded, ${unknown} unknown; ${most.toFixed(0)} MB; small p99 ${quiet.toFixed(1)} → ${busy.toFixed(1)} ms`,
  )
  // On a slow disk the broker may confirm some of 20 MB later than callers can wait.
  assert.equal(taken + overloaded + unknown, 64, statuses.join())
  assert.ok(taken > 0 && overloaded > 0, statuses.join())
  const arrived = (await observer.ids('large.q')).length
  assert.ok(arrived >= taken && arrived <= taken + unknown, `${arrived} arrived`)
  assert.ok(most < 600, `${most} MB`)
  // Ten times, or 50 ms, and five times that on a machine that does something else as well: here 64
  // callers and a broker share its cores.
  assert.ok(busy < 5 * Math.max(50, 10 * quiet), `${quiet} → ${busy} ms`)
})
