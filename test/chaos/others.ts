import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, type ChildOptions, saysReady, startChild } from '#infra/local/child.ts'
import { freePorts } from '#infra/local/ports.ts'
import { TOKEN } from '../support/api.ts'
import type { Broker } from '../support/broker.ts'
import type { Ending } from '../support/ending.ts'
import { havePython } from '../support/predecessor-packages.ts'
import type { Answer } from './callers.ts'
import { onChannel } from './faults/channel.ts'
import { startMember } from './member.ts'
import type { Lane, Link, Nodes, Subject } from './world.ts'

// What others do, held against the same ledger.

const LANE: Lane = { exchange: 'chaos', entry: 'chaos.q', queue: 'chaos.q' }
const BENCH = join(import.meta.dirname, '..', 'bench', 'baselines')
const NAIVE = join(import.meta.dirname, 'baselines', 'naive.ts')

/** A server that answers 202 before the broker has said anything, and a classic queue bound to it. */
export async function startNaive(ends: Ending, nodes: Nodes): Promise<Subject> {
  const link = await nodes.link('naive to broker')
  await declare(link.url, true)
  const { port, start } = await childStarter(ends)
  const server = await startMember(ends, 'naive', () =>
    start({
      name: 'naive',
      command: process.execPath,
      args: [NAIVE, link.url, `${port}`],
      env: {},
    }),
  )
  return {
    ...common(port),
    members: { front: [server], relay: [], edge: [] },
    links: { front: [link], relay: [], edge: [] },
  }
}

/** The predecessor's API and relay, each started again whenever it ends, as docker swarm did. */
export async function startPredecessor(ends: Ending, nodes: Nodes): Promise<Subject> {
  await havePython()
  const [front, relay] = [await nodes.link('API to broker'), await nodes.link('relay to broker')]
  await declare(front.url, false)
  const { port, start } = await childStarter(ends)
  const env = (link: Link) => ({
    PATH: `/usr/bin:/bin:${process.env['PATH']}`,
    PYTHONDONTWRITEBYTECODE: '1',
    API_TOKEN: TOKEN,
    RABBIT_USER: (nodes.all[0] as Broker).user,
    RABBIT_PASS: (nodes.all[0] as Broker).pass,
    RABBIT_PORT: String(link.proxy.port),
    EXCHANGE: LANE.exchange,
    QUEUE_TOPIC: LANE.queue,
  })
  const api = {
    name: 'predecessor API',
    command: 'gunicorn',
    args: ['-w', '4', '--chdir', BENCH, 'predecessor:app', '-b', `127.0.0.1:${port}`],
    env: env(front),
    isReady: (line: string) => line.includes('Booting worker'),
  }
  const script = {
    name: 'predecessor relay',
    command: '/usr/bin/python3',
    args: [join(BENCH, 'predecessor_relay.py')],
    env: env(relay),
  }
  return {
    ...common(port),
    members: {
      front: [await startMember(ends, api.name, () => start(api))],
      relay: [await startMember(ends, script.name, () => start(script))],
      edge: [],
    },
    links: { front: [front], relay: [relay], edge: [] },
  }
}

const common = (port: number) => ({
  port,
  token: TOKEN,
  lanes: [LANE],
  read: readAnswer,
  idOf: idInBody,
  repairs: false,
})

/** Where the predecessor caught an error it said so in the body of a 200, which its callers may read. */
function readAnswer(status: number, body: string): Answer {
  const label = body.includes('NOK') ? 'NOK' : String(status)
  if (label === 'NOK' || status >= 500) return { told: 'unknown', label }
  return { told: status < 300 ? 'acked' : 'refused', label }
}

/** Their messages may have no id, and JSON that was made anew: the id is what the body says. */
function idInBody(_: unknown, body: string): number | undefined {
  const id = /^\{"id": ?(\d+)\}$/.exec(body)?.[1]
  return id === undefined ? undefined : Number(id)
}

const declare = (url: string, bound: boolean) =>
  onChannel(url, async (channel) => {
    await channel.assertExchange(LANE.exchange, 'fanout', { durable: true })
    await channel.assertQueue(LANE.queue, { durable: true })
    if (bound) await channel.bindQueue(LANE.queue, LANE.exchange, '')
  })

/** Starts processes with a port and a folder for their logs. */
async function childStarter(ends: Ending) {
  const folder = await mkdtemp(join(tmpdir(), 'warren-chaos-'))
  ends.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const [port] = (await freePorts(1)) as [number]
  const start = (options: Omit<ChildOptions, 'logFile' | 'isReady'> & Partial<ChildOptions>) => {
    const logFile = join(folder, `${options.name}.log`)
    return startChild({ isReady: saysReady, readyWithinMs: 20_000, logFile, ...options })
  }
  return { port, start: start as (options: Parameters<typeof start>[0]) => Promise<Child> }
}
