import { join } from 'node:path'
import { type Child, saysReady, startChild } from '#infra/local/child.ts'
import { freePorts } from '#infra/local/ports.ts'
import type { Broker } from '../support/broker.ts'
import type { Observer } from '../support/messages.ts'
import { imageArguments } from './image-arguments.ts'
import { preload } from './preload.ts'

/** Whatever brings messages from an exchange to a queue. */
export interface Mover {
  readonly name: string
  /** Messages arrive while they are published: nothing can wait. */
  readonly isDirect?: true
  /** Makes messages that are published to the exchange wait for it. */
  prepare(bench: MoverBench): Promise<void>
  /** Lets it move them. @returns its own processes */
  start(bench: MoverBench): Promise<readonly number[]>
  /** Ends it, and all that it left at the broker. */
  stop(bench: MoverBench): Promise<void>
}

export interface MoverBench {
  readonly broker: Broker
  readonly observer: Observer
  /** For logs. */
  readonly folder: string
}

export const SOURCE = 'bench'
export const DESTINATION = 'bench.dest'
const STAGING = `relay.${SOURCE}.${DESTINATION}`
/** As the relay's own. */
export const PREFETCH = 500
const BASELINES = join(import.meta.dirname, 'baselines')
/** The staging queue that our relay declares; the shovel gets the same one. */
const STAGING_ARGUMENTS = {
  'x-queue-type': 'quorum',
  'x-single-active-consumer': true,
  'x-delivery-limit': 50,
  'x-dead-letter-exchange': '',
  'x-dead-letter-routing-key': `${STAGING}.dead`,
  'x-dead-letter-strategy': 'at-least-once',
  'x-overflow': 'reject-publish',
}

export const movers = (): Mover[] => [
  predecessor(),
  shovel(),
  binding('plain binding'),
  bindMode(),
  relay(),
]

/** Our relay as its operator sees it: s from its start to the first copy, and from SIGTERM to its end. */
export interface Patience {
  readonly start: number
  readonly drain: number
}

/**
 * Starts a relay while `messages` wait, and ends it as soon as it has copied some of them: then it has as
 * many in flight as it may.
 */
export async function measurePatience(
  bench: MoverBench,
  messages: number,
  untilCopied: (count: number) => Promise<number>,
): Promise<Patience> {
  let child: Child | undefined
  await stage(bench)
  try {
    await preload(bench.broker.amqpUrl, SOURCE, messages)
    const beganMs = performance.now()
    child = await startOurs(bench, {})
    const firstMs = await untilCopied(1)
    await untilCopied(4 * PREFETCH)
    const toldMs = performance.now()
    await child.stop()
    return { start: (firstMs - beganMs) / 1000, drain: (performance.now() - toldMs) / 1000 }
  } finally {
    await child?.stop()
    await unstage(bench)
  }
}

async function stage({ observer }: MoverBench): Promise<void> {
  const { channel } = observer
  await channel.assertQueue(`${STAGING}.dead`, { arguments: { 'x-queue-type': 'quorum' } })
  await channel.assertQueue(STAGING, { arguments: STAGING_ARGUMENTS })
  await channel.bindQueue(STAGING, SOURCE, '')
}

async function unstage({ observer }: MoverBench): Promise<void> {
  await observer.channel.deleteQueue(STAGING)
  await observer.channel.deleteQueue(`${STAGING}.dead`)
}

/** Its queue is its own, so it must run, stopped, while messages are published. */
function predecessor(): Mover {
  let child: Child | undefined
  return {
    name: 'predecessor',
    prepare: async ({ broker, folder }) => {
      child = await startChild({
        name: 'predecessor',
        command: '/usr/bin/python3',
        args: [join(BASELINES, 'predecessor_relay.py')],
        env: {
          RABBIT_USER: broker.user,
          RABBIT_PASS: broker.pass,
          RABBIT_PORT: String(broker.amqpPort),
          EXCHANGE: SOURCE,
          QUEUE_TOPIC: DESTINATION,
        },
        logFile: join(folder, 'predecessor.log'),
        isReady: saysReady,
      })
      child.signal('SIGSTOP')
    },
    start: async () => {
      child?.signal('SIGCONT')
      return child === undefined ? [] : [child.pid]
    },
    stop: async () => void (await child?.stop(500)),
  }
}

/** RabbitMQ's own mover, inside the broker: the one to be measured by. */
const shovel = (): Mover => ({
  name: 'shovel',
  prepare: stage,
  start: async ({ broker }) => {
    const uri = `amqp://${broker.user}:${broker.pass}@127.0.0.1:${broker.amqpPort}`
    const definition = {
      'src-protocol': 'amqp091',
      'src-uri': uri,
      'src-queue': STAGING,
      'src-prefetch-count': PREFETCH,
      'dest-protocol': 'amqp091',
      'dest-uri': uri,
      'dest-queue': DESTINATION,
      'ack-mode': 'on-confirm',
    }
    await broker.ctl('set_parameter', 'shovel', 'bench', JSON.stringify(definition))
    return []
  },
  stop: async (bench) => {
    await bench.broker.ctl('clear_parameter', 'shovel', 'bench')
    await unstage(bench)
  },
})

/** The floor: the broker routes by itself, and nothing waits. */
const binding = (name: string): Mover => ({
  name,
  isDirect: true,
  prepare: async ({ observer }) => {
    await observer.channel.bindQueue(DESTINATION, SOURCE, '')
  },
  start: async () => [],
  stop: async ({ observer }) => {
    await observer.channel.unbindQueue(DESTINATION, SOURCE, '')
  },
})

function bindMode(): Mover {
  const plain = binding('relay, mode bind')
  let child: Child | undefined
  return {
    ...plain,
    prepare: async (bench) => {
      child = await startOurs(bench, { RELAY_MODE: 'bind' })
    },
    start: async () => (child === undefined ? [] : [child.pid]),
    stop: async (bench) => {
      await child?.stop()
      await plain.stop(bench)
    },
  }
}

function relay(): Mover {
  let child: Child | undefined
  return {
    name: 'relay',
    prepare: stage,
    start: async (bench) => {
      child = await startOurs(bench, {})
      return [child.pid]
    },
    stop: async (bench) => {
      await child?.stop()
      await unstage(bench)
    },
  }
}

async function startOurs(
  { broker, folder }: MoverBench,
  env: Readonly<Record<string, string>>,
): Promise<Child> {
  const [port] = (await freePorts(1)) as [number]
  return startChild({
    name: 'relay',
    command: process.execPath,
    args: imageArguments('relay', folder),
    env: {
      AMQP_URL: broker.amqpUrl,
      EXCHANGE: SOURCE,
      QUEUE_TOPIC: DESTINATION,
      HEALTH_PORT: String(port),
      ...env,
    },
    logFile: join(folder, 'relay.log'),
    isReady: saysReady,
  })
}
