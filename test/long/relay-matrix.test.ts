import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Broker, startBroker } from '../support/broker.ts'
import type { Ending } from '../support/ending.ts'
import { lastFirst } from '../support/ending.ts'
import { observe } from '../support/messages.ts'
import { startProxy, type TcpProxy } from '../support/proxy.ts'
import { type RelayProcess, startRelay } from '../support/relay.ts'
import { saveQueues } from '../support/save-queues.ts'
import { seeded } from '../support/seeded.ts'
import { keepSteadyLedger, publishSteadily, type SteadyLedger } from '../support/steady.ts'
import { until } from '../support/until.ts'

const PREFETCH = 500
/** So that the faults happen while messages are under way. */
const PER_SECOND = 1500
/** All must have arrived so long after the last was published. */
const ALL_MS = 240_000
const QUEUE = 'matrix.q'
const STAGING = `relay.matrix.${QUEUE}`

interface Stage {
  readonly source: Broker
  readonly destination: Broker
  readonly toSource: TcpProxy
  readonly toDestination: TcpProxy
  readonly ledger: SteadyLedger
  relay: RelayProcess
  startRelay(): Promise<RelayProcess>
}

type Fault = (stage: Stage, seconds: number) => Promise<void>

const restart = async (broker: Broker) => {
  await broker.kill()
  // Meanwhile somebody's outgoing connection may have been given the port.
  await broker.start().catch(() => sleep(1000).then(broker.start))
}

const pause = async (broker: Broker, seconds: number) => {
  broker.pause()
  await sleep(seconds * 1000)
  broker.resume()
}

const hole = async (proxy: TcpProxy, mode: TcpProxy['mode'], seconds: number) => {
  proxy.mode = mode
  await sleep(seconds * 1000)
  proxy.mode = 'pass'
  proxy.reset() // What was swallowed makes nonsense of what comes now.
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'relay killed': async (stage) => {
    stage.relay.child.signal('SIGKILL')
    await stage.relay.child.ended
    stage.relay = await stage.startRelay()
  },
  'relay stopped': async ({ relay }, seconds) => {
    relay.child.signal('SIGSTOP')
    await sleep(seconds * 1000)
    relay.child.signal('SIGCONT')
  },
  'source killed': ({ source }) => restart(source),
  'destination killed': ({ destination }) => restart(destination),
  'source stopped': ({ source }, seconds) => pause(source, seconds),
  'destination stopped': ({ destination }, seconds) => pause(destination, seconds),
  'source reset': async ({ toSource }) => toSource.reset(),
  'destination reset': async ({ toDestination }) => toDestination.reset(),
  'source swallows': ({ toSource }, seconds) => hole(toSource, 'drop', seconds),
  'destination swallows': ({ toDestination }, seconds) => hole(toDestination, 'drop', seconds),
  'destination silent': ({ toDestination }, seconds) =>
    hole(toDestination, 'drop-replies', seconds),
}

/**
 * At any length it refuses what comes. RabbitMQ 3.10 heeds a policy's `max-length` before its `overflow`:
 * a classic queue that is given both at once drops all that waits in it.
 */
const REFUSING = { overflow: 'reject-publish' }

const govern = ({ destination }: Pick<Stage, 'destination'>, policy: object) =>
  destination.ctl(
    ...['set_policy', '--apply-to', 'queues', 'full', `^${QUEUE}$`, JSON.stringify(policy)],
  )

const FULL: Readonly<Record<string, Fault>> = {
  'destination full': async (stage, seconds) => {
    await stage.ledger.pause()
    await govern(stage, { ...REFUSING, 'max-length': 1 })
    await sleep(seconds * 1000)
    await govern(stage, REFUSING)
    stage.ledger.resume()
  },
}

async function raise(ends: Ending, settings: Record<string, string>): Promise<Stage> {
  const [source, destination] = await Promise.all([startBroker(), startBroker()])
  ends.after(() => source.dispose())
  ends.after(() => destination.dispose())
  const toSource = await startProxy(source.amqpPort)
  const toDestination = await startProxy(destination.amqpPort)
  ends.after(() => toSource.close())
  ends.after(() => toDestination.close())
  const start = () =>
    startRelay(ends, {
      AMQP_URL: toSource.through(source.amqpUrl),
      DEST_URL: toDestination.through(destination.amqpUrl),
      EXCHANGE: 'matrix',
      QUEUE_TOPIC: QUEUE,
      PREFETCH: String(PREFETCH),
      HEARTBEAT_S: '2',
      HOLD_MS: '2000',
      HOLD_CHECK_MS: '500',
      HOLD_PAUSE_MS: '1000',
      ...settings,
    })
  const relay = await start()
  await Promise.all([saveQueues(source), saveQueues(destination)])
  await govern({ destination }, REFUSING)
  const ledger = keepSteadyLedger(destination.amqpUrl, QUEUE)
  ledger.resume()
  ends.after(ledger.pause)
  return { source, destination, toSource, toDestination, ledger, relay, startRelay: start }
}

interface Plan {
  readonly seed: number
  readonly messages: number
  readonly faults: Readonly<Record<string, Fault>>
  readonly settings?: Record<string, string>
}

/** Publishes all, while one fault comes after the other; then waits for everything. */
async function survive(t: TestContext, { seed, messages, faults, settings = {} }: Plan) {
  const ends = lastFirst(t)
  const stage = await raise(ends, settings)
  const { source, destination, ledger } = stage
  const random = seeded(seed)
  const names = Object.keys(faults)
  const happened: string[] = []
  let published = false
  const publishing = publishSteadily(source.amqpUrl, 'matrix', {
    count: messages,
    perSecond: PER_SECOND,
  }).then(() => {
    published = true
  })
  while (!published || happened.length < names.length) {
    const name = names[Math.floor(random() * names.length)] as string
    happened.push(name)
    await (faults[name] as Fault)(stage, 0.5 + random() * 5)
    await sleep(random() * 2000)
  }
  await publishing
  const [inStaging, inDestination] = [
    await observe(source.amqpUrl),
    await observe(destination.amqpUrl),
  ]
  ends.after(() => inStaging.close())
  ends.after(() => inDestination.close())
  const depths = async () => ({
    staging: await inStaging.depth(STAGING),
    dead: await inStaging.depth(`${STAGING}.dead`),
    destination: await inDestination.depth(QUEUE),
  })
  try {
    await until('all', () => ledger.firsts.length >= messages, ALL_MS)
    await until('both queues empty', async () => {
      const { staging, destination: left } = await depths()
      return staging + left === 0
    })
  } catch (error) {
    t.diagnostic(`${ledger.firsts.length} arrived; in queues ${JSON.stringify(await depths())}`)
    t.diagnostic(`missing ${missing(ledger.firsts, messages).join(', ')}`)
    t.diagnostic(`after ${happened.join(', ')}`)
    for (const line of stage.relay.lines.slice(-30)) t.diagnostic(JSON.stringify(line))
    throw error
  }
  t.diagnostic(`seed ${seed}: ${happened.length} faults, ${ledger.duplicates} duplicates`)
  assert.equal(ledger.firsts.length, messages)
  assert.equal(await inStaging.depth(`${STAGING}.dead`), 0)
  // Each fault may cost one window of the relay and one of the publisher.
  const allowed = happened.length * 2 * PREFETCH
  assert.ok(ledger.duplicates <= allowed, `${ledger.duplicates} duplicates of at most ${allowed}`)
  return ledger.firsts
}

/** The ids that did not arrive, as ranges. */
function missing(ids: readonly number[], count: number): string[] {
  const arrived = [-1, ...ids.toSorted((a, b) => a - b), count]
  return arrived.flatMap((id, index) => {
    const next = arrived[index + 1]
    return next === undefined || next === id + 1 ? [] : [`${id + 1} to ${next - 1}`]
  })
}

const inOrder = (ids: readonly number[]) => ids.every((id, index) => id === index)

const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))

test(`100,000 messages through random faults of every kind: none lost, in order (seed ${SEED})`, async (t) => {
  const firsts = await survive(t, {
    seed: SEED,
    messages: Number(process.env['N'] ?? 100_000),
    faults: FAULTS,
  })
  assert.ok(inOrder(firsts), 'first appearances out of order')
})

test(`with a destination that is full at times: none lost (seed ${SEED})`, async (t) => {
  await survive(t, { seed: SEED, messages: 20_000, faults: { ...FAULTS, ...FULL } })
})

test(`with ORDER=strict even then in order (seed ${SEED})`, async (t) => {
  const firsts = await survive(t, {
    seed: SEED,
    messages: 10_000,
    faults: { ...FAULTS, ...FULL },
    settings: { ORDER: 'strict' },
  })
  assert.ok(inOrder(firsts), 'first appearances out of order')
})
