import { setTimeout as sleep } from 'node:timers/promises'
import type { Channel, GetMessage } from 'amqplib'
import { type Deadline, deadlineIn, remainingMs } from '#lib/deadline.ts'
import { type AmqpConnection, openConnection } from './connection.ts'
import { connectError } from './errors.ts'

export interface InspectOptions {
  /** `amqp://` or `amqps://`, with user, password and vhost. */
  readonly url: string
  /** PEM file of the authority that signed the broker's certificate. */
  readonly caFile?: string
  /** What the broker's console shows. @default 'warren start' */
  readonly connectionName?: string
}

const CONNECT_MS = 5000

/**
 * Resolves when the broker accepts this login and vhost.
 * @throws {WarrenError} broker-unavailable or broker-misconfigured
 */
export const checkLogin = (options: InspectOptions): Promise<void> =>
  withConnection(options, async () => {})

/** A message as it arrived in a queue. */
export interface Arrived {
  readonly body: Buffer
  readonly contentType: string | undefined
}

// In our hands until the search ends, with their bodies.
const MOST_HELD = 1000

/**
 * Takes the message with this id out of a queue and leaves every other one where it was: those that
 * stood before it are held meanwhile, and go back to their places marked as redelivered.
 * @returns undefined when it was not found by the deadline, or among the first 1,000 messages
 * @throws {WarrenError} broker-unavailable or broker-misconfigured
 */
export function takeMessage(
  options: InspectOptions & { readonly queue: string; readonly messageId: string },
  deadline: Deadline,
): Promise<Arrived | undefined> {
  return withConnection(options, async ({ model }) => {
    const channel = await model.createChannel()
    const found = await search(channel, options, deadline)
    if (found) channel.ack(found)
    await channel.close() // The broker requeues what was not acked.
    return found && { body: found.content, contentType: found.properties.contentType }
  })
}

async function search(
  channel: Channel,
  { queue, messageId }: { readonly queue: string; readonly messageId: string },
  deadline: Deadline,
): Promise<GetMessage | undefined> {
  for (let held = 0; held < MOST_HELD && remainingMs(deadline) > 0; ) {
    const message = await channel.get(queue)
    if (message === false) await sleep(50)
    else if (message.properties.messageId === messageId) return message
    else held += 1
  }
  return undefined
}

/**
 * Runs `use` on a connection of its own, which ends with it.
 * @throws {WarrenError} broker-unavailable or broker-misconfigured
 * @throws what `use` throws
 */
export async function withConnection<T>(
  { url, caFile, connectionName = 'warren start' }: InspectOptions,
  use: (connection: AmqpConnection) => Promise<T>,
): Promise<T> {
  const connection = await openConnection({
    url,
    ...(caFile === undefined ? {} : { caFile }),
    connectionName,
    heartbeatS: 20,
    deadline: deadlineIn(CONNECT_MS),
  }).catch((error) => {
    throw connectError(error)
  })
  try {
    return await use(connection)
  } finally {
    await connection.close(1000)
  }
}
