import { setTimeout as sleep } from 'node:timers/promises'
import type { AmqpConnection } from '#lib/amqp/connection.ts'
import { connectError } from '#lib/amqp/errors.ts'
import { ConfigError } from '#lib/config.ts'
import { describeError, type Log } from '#lib/log.ts'
import { backoffMs } from './line.ts'
import type { RelayStatus } from './status.ts'

export type Connect = () => Promise<AmqpConnection>

/** What a process of a relay does until it is stopped: copy, or keep a binding. */
export interface Running {
  status(): RelayStatus
  /** Takes no more, finishes what is under way within the time given, closes the connections last. */
  stop(graceMs: number): Promise<void>
}

/** The two sides of a relay. */
export interface Sides<T> {
  readonly source: T
  readonly destination: T
}

/**
 * Connects to both sides, however long the brokers take to come up.
 * @param signal gives up; then the answer is undefined
 * @throws {ConfigError} a broker refuses the relay: no waiting would help
 */
export async function connectBoth(
  connect: Sides<Connect>,
  log: Log,
  signal: AbortSignal,
): Promise<Sides<AmqpConnection> | undefined> {
  const refused: string[] = []
  const open = async (side: keyof Sides<unknown>) => {
    for (let attempt = 0; refused.length === 0 && !signal.aborted; attempt += 1) {
      try {
        return await connect[side]()
      } catch (error) {
        if (connectError(error).code === 'broker-misconfigured') {
          const which = connect.source === connect.destination ? 'the' : `the ${side}'s`
          refused.push(`${which} broker refuses the relay: ${describeError(error)}`)
        } else {
          log.warn({ side, err: describeError(error), attempt }, 'cannot connect')
          await sleep(backoffMs(attempt, Math.random()), undefined, { signal }).catch(() => {})
        }
      }
    }
    return undefined
  }
  const [source, destination] = await Promise.all([open('source'), open('destination')])
  if (source && destination) return { source, destination }
  await Promise.all([source?.close(0), destination?.close(0)])
  if (refused.length === 0) return undefined
  throw new ConfigError([...new Set(refused)])
}
