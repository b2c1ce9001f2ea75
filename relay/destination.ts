import type { AmqpConnection } from '#lib/amqp/connection.ts'
import { declareQueue, exchangeType, hasExchange, queueState } from '#lib/amqp/topology.ts'
import type { RelaySettings } from '#lib/config-relay.ts'
import { destinationSpec } from '#lib/listener/specs.ts'
import { describeError, type Log } from '#lib/log.ts'
import type { Sight } from './hold.ts'
import { keepOpen } from './line.ts'
import type { Connect } from './start.ts'

/** The relay's side towards the destination: its connection, and what can be seen from there. */
export interface Destination {
  connection(): AmqpConnection | undefined
  look(): Promise<Sight>
  /** How what is refused may wait while the rest goes on: see ForwarderOptions. Never rejects. */
  lanes(): Promise<'key' | 'message' | undefined>
  /** Declares a missing queue, if that is ours to do. Never rejects. */
  restore(): Promise<void>
  close(withinMs: number): Promise<void>
}

export interface DestinationOptions {
  readonly settings: RelaySettings
  readonly connect: Connect
  readonly first: AmqpConnection
  /** Whether a missing queue may be declared. */
  readonly mayDeclare: boolean
  readonly onReopened: (connection: AmqpConnection) => void
  readonly onBlocked: (blocked: boolean) => void
  readonly onLost: () => void
  readonly onRestored: (names: readonly string[]) => void
  readonly log: Log
}

const NOT_SEEN: Sight = { found: false, messages: undefined, blocked: false }

export function createDestination(options: DestinationOptions): Destination {
  const { settings, connect, first, onBlocked, onLost, log } = options
  const watchAlarm = (connection: AmqpConnection) => {
    connection.onBlocked(() => onBlocked(true))
    connection.onUnblocked(() => onBlocked(false))
  }
  const onReopened = (connection: AmqpConnection) => {
    watchAlarm(connection)
    options.onReopened(connection)
    void restore() // The broker may have come back without it, and consumers look for it.
  }
  const line = keepOpen({ connect, first, onReopened, onLost, log })
  watchAlarm(first)

  const look = async () => {
    const connection = line.current()
    if (connection === undefined) return NOT_SEEN
    return see(connection, settings).catch((error) => {
      log.warn({ err: describeError(error) }, 'the destination cannot be looked at')
      return NOT_SEEN
    })
  }
  const restore = async () => {
    const connection = line.current()
    const spec = destinationSpec(settings)
    if (!options.mayDeclare || spec === undefined || connection === undefined) return
    if ((await look()).found) return
    try {
      await declareQueue(connection, spec)
      options.onRestored([spec.name])
      log.warn({ restored: [spec.name] }, 'the destination was missing and was declared again')
    } catch (error) {
      log.error({ err: describeError(error) }, 'the destination cannot be declared')
    }
  }
  const lanes = async () => {
    const { destination, order } = settings
    if (destination.kind === 'queue' || destination.routingKey !== undefined) return undefined
    if (order === 'strict') return undefined
    const connection = line.current()
    const type =
      connection && (await exchangeType(connection, destination.exchange).catch(() => ''))
    return type === 'headers' ? 'message' : 'key'
  }
  return { connection: () => line.current(), look, lanes, restore, close: line.close }
}

async function see(connection: AmqpConnection, { destination }: RelaySettings): Promise<Sight> {
  const blocked = connection.isBlocked()
  if (destination.kind === 'exchange') {
    return {
      found: await hasExchange(connection, destination.exchange),
      messages: undefined,
      blocked,
    }
  }
  const state = await queueState(connection, destination.queue)
  return { found: state !== undefined, messages: state?.messages, blocked }
}
