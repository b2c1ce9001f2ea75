import { setTimeout as sleep } from 'node:timers/promises'
import type { ConfirmChannel } from 'amqplib'
import type { Broker } from '../../support/broker.ts'
import { until } from '../../support/until.ts'
import { PROBE } from '../consumers.ts'
import { type Fault, NothingHappened } from '../fault.ts'
import type { World } from '../world.ts'
import { onChannel } from './channel.ts'

/** Long enough for a broker on a busy machine, also where three share it. */
const TAKES_EFFECT_MS = 20_000
/** A queue that works confirms within milliseconds. */
const NO_CONFIRM_MS = 1000

const alarm = (name: string, on: readonly string[], off: readonly string[]): Fault => ({
  name,
  happen: async ({ nodes }, { pick, seconds }) => {
    const broker = pick(nodes.all)
    await broker.ctl(...on)
    try {
      const shown = await untilAlarms(broker, (text) => text !== '[]')
      await sleep(seconds * 1000)
      return shown
    } finally {
      await broker.ctl(...off)
      await untilAlarms(broker, (text) => text === '[]')
    }
  },
})

/** @throws {NothingHappened} */
async function untilAlarms(broker: Broker, wanted: (text: string) => boolean): Promise<string> {
  let text = ''
  const isThere = async () => {
    text = (await broker.erlang('rabbit_alarm:get_alarms().')).replace(/\s+/g, '')
    return wanted(text)
  }
  await until('alarm', isThere, TAKES_EFFECT_MS).catch(() => {
    throw new NothingHappened(`the alarms are ${text}`)
  })
  return `alarms ${text}`
}

/** RabbitMQ's own limits: 40 % of the memory, 50 MB of the disk. */
const ALARMS: readonly Fault[] = [
  alarm(
    'memory alarm',
    ['set_vm_memory_high_watermark', '0.0000001'],
    ['set_vm_memory_high_watermark', '0.4'],
  ),
  alarm(
    'disk alarm',
    ['set_disk_free_limit', '900000000000000'],
    ['set_disk_free_limit', '50000000'],
  ),
]

const CLOSED: Fault = {
  name: 'all connections closed',
  happen: async ({ nodes }, { pick }) => {
    const closed = await pick(nodes.all).erlang(
      `All = rabbit_networking:connections(),
       [rabbit_networking:close_connection(One, "chaos") || One <- All], length(All).`,
    )
    if (Number(closed) === 0) throw new NothingHappened('there was no connection')
    return `${closed.trim()} connections closed`
  },
}

/** How a probe of one queue ended, past all exchanges. */
async function probe(channel: ConfirmChannel, queue: string): Promise<'ack' | 'nack' | 'none'> {
  const answer = new Promise<'ack' | 'nack'>((resolve) => {
    const options = { type: PROBE, persistent: true }
    channel.sendToQueue(queue, Buffer.alloc(0), options, (error) => resolve(error ? 'nack' : 'ack'))
  })
  return Promise.race([answer, sleep(NO_CONFIRM_MS, 'none' as const)])
}

const queuesOf = ({ subject }: World) => [
  ...new Set(subject.lanes.flatMap(({ entry, queue }) => [entry, queue])),
]

/** What a queue does that is full. */
const REFUSES = '"overflow":"reject-publish"'
/** A quorum queue counts only what nobody has taken yet, so the consumer rests meanwhile. */
const NO_ROOM = `"max-length":0,${REFUSES}`

/** A quorum queue takes what comes before its leader has told its publishers. */
const BURST = Array.from({ length: 50 }, (_, index) => index)

/**
 * Leaves a queue no room, and destroys nothing. A classic queue reads the limit before it reads what to
 * do about it, and drops what is too much by default; so it must know first, which a confirm shows:
 * it reads its policy in turn with what is published.
 */
async function fill(broker: Broker, queue: string, channel: ConfirmChannel): Promise<void> {
  const pattern = `^${queue.replaceAll('.', '\\.')}$`
  const policy = (definition: string) =>
    broker.ctl('set_policy', '--apply-to', 'queues', 'chaos.full', pattern, `{${definition}}`)
  await policy(REFUSES)
  await until('an ack', async () => (await probe(channel, queue)) === 'ack', TAKES_EFFECT_MS)
  await policy(NO_ROOM)
  const refuses = async () => {
    const answers = await Promise.all(BURST.map(() => probe(channel, queue)))
    return answers.includes('nack')
  }
  await until('a nack', refuses, TAKES_EFFECT_MS).catch(() => {
    throw new NothingHappened(`${queue} went on taking messages`)
  })
}

const FULL: Fault = {
  name: 'queue full',
  happen: async (world, { pick, seconds }) => {
    const { queue } = pick(world.subject.lanes)
    const broker = world.nodes.all[0] as Broker
    await world.consumers.pause()
    try {
      await onChannel(world.url, (channel) => fill(broker, queue, channel))
      await sleep(seconds * 1000)
    } finally {
      await broker.ctl('clear_policy', 'chaos.full')
      world.consumers.resume()
    }
    return `${queue} refuses`
  },
}

/** Suspends a process for as long as another one lives: a quorum queue's leader is found by its name. */
const suspend = (queue: string) =>
  `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)),
   P = case amqqueue:get_pid(Q) of {Name, _} -> whereis(Name); Pid -> Pid end,
   case is_pid(P) andalso node(P) =:= node() of
     true -> spawn(fun() -> register(chaos_suspends, self()), erlang:suspend_process(P),
                            receive stop -> ok end end), suspended;
     false -> elsewhere end.`
const RELEASE = 'case whereis(chaos_suspends) of undefined -> none; P -> P ! stop, released end.'

const STUCK: Fault = {
  name: 'queue that never confirms',
  happen: async (world, { pick, seconds }) => {
    const queue = pick(queuesOf(world))
    const all = (expression: string) =>
      Promise.all(world.nodes.all.map((broker) => broker.erlang(expression)))
    await all(suspend(queue))
    try {
      const answer = await onChannel(world.url, (channel) => probe(channel, queue))
      if (answer !== 'none') throw new NothingHappened(`${queue} confirmed`)
      await sleep(seconds * 1000)
    } finally {
      await all(RELEASE)
    }
    return `${queue} confirms nothing`
  },
}

/** What a broker does to its clients while it is alive. */
export const BROKER_FAULTS: readonly Fault[] = [...ALARMS, CLOSED, FULL, STUCK]
