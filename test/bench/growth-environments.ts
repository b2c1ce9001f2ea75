import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Broker, startBroker } from '../support/broker.ts'
import { observe } from '../support/messages.ts'
import { median } from '../support/report.ts'
import { cpuSeconds, residentMb } from './cpu.ts'
import type { GrowthRun } from './growth.ts'
import type { Answer, Order } from './growth-environments-child.ts'

const ENVIRONMENTS = [1, 3, 10, 30, 100, 300, 1000]
const PROCESSES = 4
/** Messages under way at once, over all environments: more callers are another curve. */
const AT_ONCE = 16
/** Frozen environments say nothing: after this long the broker has put their channels to sleep. */
const IDLE_MS = 3000
const EXCHANGE = 'bench'
const CHILD = join(import.meta.dirname, 'growth-environments-child.ts')

/** Execution environments of Lambda, as the broker sees them: more and more connections. */
export async function growEnvironments(run: GrowthRun): Promise<void> {
  await using broker = await startBroker()
  const observer = await observe(broker.amqpUrl)
  await observer.bind(EXCHANGE, 'bench.q', { 'x-queue-type': 'quorum' })
  await observer.close() // So that only the environments are connected.
  const children = Array.from({ length: PROCESSES }, () => fork(CHILD, [broker.amqpUrl, EXCHANGE]))
  try {
    await Promise.all(children.map((child) => once(child, 'message')))
    let before = 0
    for (const environments of run.take(ENVIRONMENTS)) {
      const firsts = await add(children, before, environments)
      before = environments
      const busy = children.slice(0, environments)
      for (let round = 0; round < run.rounds; round += 1) {
        const figures = await measure(broker, busy, run.messages)
        run.results.add('environments', `environments=${environments}`, round, {
          ...figures,
          'first message': median(firsts),
        })
      }
    }
  } finally {
    await Promise.all(children.map(end))
  }
}

/** @returns the ms that the first message of each new one took */
async function add(children: readonly ChildProcess[], from: number, to: number) {
  const answers = await Promise.all(
    children.map((child, i) => ask(child, { add: share(i, to) - share(i, from) })),
  )
  return answers.flatMap(({ ms }) => ms)
}

/** What each of so many parts gets of `count` things that are dealt in turn. */
const share = (part: number, count: number, parts = PROCESSES): number =>
  Math.floor((count + parts - 1 - part) / parts)

async function measure(broker: Broker, children: readonly ChildProcess[], messages: number) {
  const before = cpuSeconds([broker.pid()])
  await sleep(IDLE_MS)
  const idle = (cpuSeconds([broker.pid()]) - before) / (IDLE_MS / 1000)
  const memory = residentMb([broker.pid()])
  const [connections, channels] = await countClients(broker)
  const started = performance.now()
  const of = (count: number) => (part: number) => share(part, count, children.length)
  const [publish, atOnce] = [of(messages), of(AT_ONCE)]
  await Promise.all(
    children.map((child, i) => ask(child, { publish: publish(i), atOnce: atOnce(i) })),
  )
  const rate = messages / ((performance.now() - started) / 1000)
  return { connections, channels, 'broker memory': memory, 'idle CPU': idle, rate }
}

async function countClients(broker: Broker): Promise<readonly [number, number]> {
  const both = '{length(rabbit_networking:connections()), length(rabbit_channel:list())}.'
  const [, connections, channels] = /\{(\d+),(\d+)\}/.exec(await broker.erlang(both)) ?? []
  return [Number(connections), Number(channels)]
}

async function ask(child: ChildProcess, order: Order): Promise<Answer> {
  const answered = new AbortController()
  const ended = async () => {
    await once(child, 'exit', { signal: answered.signal })
    return [{ error: 'a process of environments ended' }]
  }
  child.send(order)
  const [answer] = (await Promise.race([once(child, 'message'), ended()])) as [Answer]
  answered.abort()
  if (answer.error !== undefined) throw new Error(answer.error)
  return answer
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) {
    await once(child, 'exit')
  }
}
