import type { Channel } from 'amqplib'
import { within } from '#lib/within.ts'
import type { AmqpConnection } from './connection.ts'

export interface ExchangeSpec {
  readonly name: string
  readonly type: string
  readonly durable: boolean
}

export interface QueueSpec {
  readonly name: string
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly arguments: Readonly<Record<string, unknown>>
}

export interface BindingSpec {
  /** The exchange that messages come from. */
  readonly source: string
  readonly destination: { readonly kind: 'queue' | 'exchange'; readonly name: string }
  readonly key: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/**
 * How an object was found: `declared`: it was missing; `same` as it would have been declared;
 * `different`, with the broker's words; `unknown`: this user has no right to compare.
 */
export type Found =
  | { readonly how: 'declared' | 'same' | 'unknown' }
  | { readonly how: 'different'; readonly difference: string }

export interface QueueState {
  /** Ready, not delivered to anybody. */
  readonly messages: number
  readonly consumers: number
}

/** An answer about topology; a queue whose process does not answer keeps its asker waiting. */
const ANSWER_MS = 5000

const NOT_FOUND = 404
const ACCESS_REFUSED = 403
const PRECONDITION_FAILED = 406

/** Whether the exchange is there (passive declare). */
export async function hasExchange(connection: AmqpConnection, name: string): Promise<boolean> {
  return (await unlessMissing(connection, (channel) => channel.checkExchange(name))) !== undefined
}

/** Depth and consumers of the queue (passive declare); undefined: there is none. */
export async function queueState(
  connection: AmqpConnection,
  name: string,
): Promise<QueueState | undefined> {
  const reply = await unlessMissing(connection, (channel) => channel.checkQueue(name))
  return reply && { messages: reply.messageCount, consumers: reply.consumerCount }
}

/** Declares the exchange if it is missing; else says how it differs from `spec`, and leaves it alone. */
export async function adoptExchange(
  connection: AmqpConnection,
  spec: ExchangeSpec,
): Promise<Found> {
  const present = await hasExchange(connection, spec.name)
  return adopt(present, () => declareExchange(connection, spec))
}

/** Declares the queue if it is missing; else says how it differs from `spec`, and leaves it alone. */
export async function adoptQueue(connection: AmqpConnection, spec: QueueSpec): Promise<Found> {
  const present = (await queueState(connection, spec.name)) !== undefined
  return adopt(present, () => declareQueue(connection, spec))
}

/**
 * Says how the exchange is found; undefined: there is none. It changes nothing: to compare is to declare
 * what is there already. (One that is deleted within that very round trip would be made anew.)
 */
export async function compareExchange(
  connection: AmqpConnection,
  spec: ExchangeSpec,
): Promise<Found | undefined> {
  return (await hasExchange(connection, spec.name)) ? adoptExchange(connection, spec) : undefined
}

/** Says how the queue is found; undefined: there is none. As compareExchange. */
export async function compareQueue(
  connection: AmqpConnection,
  spec: QueueSpec,
): Promise<Found | undefined> {
  const present = (await queueState(connection, spec.name)) !== undefined
  return present ? adoptQueue(connection, spec) : undefined
}

/** The exchange's type; undefined: there is none, or this user has no right to compare. */
export async function exchangeType(
  connection: AmqpConnection,
  name: string,
): Promise<string | undefined> {
  const guess = { name, type: 'headers', durable: true }
  const found = await compareExchange(connection, guess)
  if (found?.how !== 'different') return found?.how === 'same' ? guess.type : undefined
  return /arg 'type'.*current is '([^']+)'/.exec(found.difference)?.[1] ?? guess.type
}

/** @throws {Error} with the broker's reply code; 406 when it is there and differs */
export async function declareExchange(
  connection: AmqpConnection,
  { name, type, durable }: ExchangeSpec,
): Promise<void> {
  await onChannel(connection, (channel) => channel.assertExchange(name, type, { durable }))
}

/** @throws {Error} with the broker's reply code; 406 when it is there and differs */
export async function declareQueue(
  connection: AmqpConnection,
  { name, durable, autoDelete, arguments: queueArguments }: QueueSpec,
): Promise<void> {
  const options = { durable, autoDelete, arguments: queueArguments }
  await onChannel(connection, (channel) => channel.assertQueue(name, options))
}

/** Binds, which changes nothing when the binding is there already. @throws {Error} with the reply code */
export async function bind(connection: AmqpConnection, binding: BindingSpec): Promise<void> {
  const { source, destination, key, arguments: bindingArguments } = binding
  await onChannel(connection, (channel) =>
    destination.kind === 'queue'
      ? channel.bindQueue(destination.name, source, key, bindingArguments)
      : channel.bindExchange(destination.name, source, key, bindingArguments),
  )
}

/** Takes the binding away; without it, or without its exchange or queue, nothing happens. */
export async function unbind(connection: AmqpConnection, binding: BindingSpec): Promise<void> {
  const { source, destination, key, arguments: bindingArguments } = binding
  await unlessMissing(connection, (channel) =>
    destination.kind === 'queue'
      ? channel.unbindQueue(destination.name, source, key, bindingArguments)
      : channel.unbindExchange(destination.name, source, key, bindingArguments),
  )
}

/**
 * Deletes the queue with whatever is in it, and gives how many ready messages that were. A quorum queue
 * knows no `if-empty` and `if-unused` (it ends the connection with 540): look before.
 */
export async function deleteQueue(connection: AmqpConnection, name: string): Promise<number> {
  const reply = await unlessMissing(connection, (channel) => channel.deleteQueue(name))
  return reply?.messageCount ?? 0
}

/** The reply code that the broker refused with, if it did. */
function replyCode(error: unknown): number | undefined {
  const { code } = error as { readonly code?: unknown }
  return typeof code === 'number' ? code : undefined
}

async function adopt(present: boolean, declare: () => Promise<void>): Promise<Found> {
  try {
    await declare()
    return { how: present ? 'same' : 'declared' }
  } catch (error) {
    const code = replyCode(error)
    if (code === PRECONDITION_FAILED && present) {
      return { how: 'different', difference: brokersWords(error as Error) }
    }
    if (code === ACCESS_REFUSED && present) return { how: 'unknown' }
    throw error
  }
}

/** What follows the broker's own name for the error. */
const brokersWords = ({ message }: Error): string =>
  /PRECONDITION_FAILED - ([^"]*)/.exec(message)?.[1] ?? message

async function unlessMissing<T>(
  connection: AmqpConnection,
  use: (channel: Channel) => Promise<T>,
): Promise<T | undefined> {
  try {
    return await onChannel(connection, use)
  } catch (error) {
    if (replyCode(error) === NOT_FOUND) return undefined
    throw error
  }
}

/** On a channel of its own, since a refusal ends the channel. */
async function onChannel<T>(
  connection: AmqpConnection,
  use: (channel: Channel) => Promise<T>,
): Promise<T> {
  const asked = connection.model.createChannel().then(async (channel) => {
    try {
      return await use(channel)
    } finally {
      channel.close().catch(() => {}) // A refusal has closed it already.
    }
  })
  return within(asked, ANSWER_MS, () => new Error('the broker did not answer in time'))
}

/** The broker's version, e.g. `3.10.8`. */
export const brokerVersion = ({ model }: AmqpConnection): string =>
  model.connection.serverProperties.version
