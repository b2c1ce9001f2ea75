import { type Broker, startBroker } from '../support/broker.ts'
import { lastFirst } from '../support/ending.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'
import { cpuSeconds, residentMb } from './cpu.ts'
import type { GrowthRun } from './growth.ts'
import { preload } from './preload.ts'

const LISTENERS = [1, 2, 5, 10, 20, 50]
/** Processes that start together. */
const AT_ONCE = 5
const ARRIVE_MS = 300_000

interface Stage {
  readonly broker: Broker
  readonly observer: Observer
}

/** Ways to give each listener of an exchange its copy. */
interface Way {
  readonly name: string
  /** Adds the listeners with these numbers. @returns processes of theirs */
  add(numbers: readonly number[]): Promise<readonly number[]>
}

/** One exchange, under more and more relays, and under as many plain bindings. */
export async function growRelays(run: GrowthRun): Promise<void> {
  const ends: (() => unknown)[] = []
  const ending = lastFirst({ after: (end) => ends.push(end) })
  try {
    const broker = await startBroker()
    ending.after(() => broker.dispose())
    const observer = await observe(broker.amqpUrl)
    ending.after(() => observer.close())
    const stage = { broker, observer }
    await grow(stage, run, bindings(stage))
    await grow(stage, run, {
      name: 'relays',
      add: (numbers) => addRelays(stage, ending, numbers),
    })
  } finally {
    for (const end of ends) await end()
  }
}

const queueOf = (way: string, number: number) => `${way}.${number}`

const bindings = ({ observer }: Stage): Way => ({
  name: 'bindings',
  add: async (numbers) => {
    for (const number of numbers) await observer.bind('bindings', queueOf('bindings', number))
    return []
  },
})

async function addRelays(
  { broker }: Stage,
  ending: { after(end: () => unknown): void },
  numbers: readonly number[],
): Promise<readonly number[]> {
  const pids: number[] = []
  for (let from = 0; from < numbers.length; from += AT_ONCE) {
    const relays = numbers.slice(from, from + AT_ONCE).map((number) =>
      startRelay(ending, {
        AMQP_URL: broker.amqpUrl,
        EXCHANGE: 'relays',
        QUEUE_TOPIC: queueOf('relays', number),
      }),
    )
    pids.push(...(await Promise.all(relays)).map(({ child }) => child.pid))
  }
  return pids
}

async function grow(stage: Stage, run: GrowthRun, way: Way): Promise<void> {
  const pids: number[] = []
  const queues: string[] = []
  for (const listeners of run.take(LISTENERS)) {
    const missing = Array.from({ length: listeners - queues.length }, (_, i) => queues.length + i)
    pids.push(...(await way.add(missing)))
    queues.push(...missing.map((number) => queueOf(way.name, number)))
    // What is not warm is not measured.
    await spread(stage, way.name, queues, Math.ceil(run.messages / 5))
    for (let round = 0; round < run.rounds; round += 1) {
      const figures = await measure(stage, run, way, { pids, queues })
      run.results.add(way.name, `listeners=${listeners}`, round, figures)
    }
  }
}

async function measure(
  stage: Stage,
  { messages }: GrowthRun,
  way: Way,
  { pids, queues }: { readonly pids: readonly number[]; readonly queues: readonly string[] },
) {
  const cpu = () => ({ relays: cpuSeconds(pids), broker: cpuSeconds([stage.broker.pid()]) })
  const before = cpu()
  const ms = await spread(stage, way.name, queues, messages)
  const after = cpu()
  const per100k = (used: number) => (used / messages) * 100_000
  return {
    time: ms / messages,
    'broker CPU': per100k(after.broker - before.broker),
    'broker memory': residentMb([stage.broker.pid()]),
    ...(pids.length > 0 && {
      'relay CPU': per100k(after.relays - before.relays),
      resident: residentMb(pids),
    }),
  }
}

/** Publishes messages; gives the ms until all of them are in each queue, and empties these. */
async function spread(
  { broker, observer }: Stage,
  exchange: string,
  queues: readonly string[],
  messages: number,
): Promise<number> {
  const started = performance.now()
  await preload(broker.amqpUrl, exchange, messages)
  for (const queue of queues) {
    const arrived = async () => (await observer.depth(queue)) >= messages
    await until(`${messages} messages in ${queue}`, arrived, ARRIVE_MS)
  }
  const ms = performance.now() - started
  for (const queue of queues) await observer.channel.purgeQueue(queue)
  return ms
}
