import type { Channel } from 'amqplib'
import type { AmqpConnection } from './connection.ts'

/** Why a channel ended. */
export interface ChannelEnd {
  readonly error: Error
  /** The broker's reply code, when it closed the channel or the connection for a reason. */
  readonly code?: number
  /** The whole connection ended. */
  readonly connectionLost: boolean
}

/** Calls `listener` once, when the channel has ended: by itself, by the broker or with its connection. */
export function onChannelEnd(
  connection: AmqpConnection,
  channel: Channel,
  listener: (end: ChannelEnd) => void,
): void {
  let error: Error | undefined
  let ended = false
  const end = (reason: Error, connectionLost: boolean) => {
    if (ended) return
    ended = true
    const { code } = reason as { readonly code?: unknown }
    listener({
      error: reason,
      connectionLost,
      ...(typeof code === 'number' ? { code } : {}),
    })
  }
  channel.on('error', (reason: Error) => {
    error = reason
  })
  channel.on('close', () => {
    // When the whole connection ends, its channels close first: a microtask later it is known.
    queueMicrotask(() => {
      if (connection.isOpen()) end(error ?? new Error('the channel was closed'), false)
    })
  })
  connection.onClosed((reason) => end(reason, true))
}

/** Closes a channel without waiting for the broker's answer; one that is closed already is fine. */
export function closeQuietly(channel: { close(): Promise<void> }): void {
  channel.close().catch(() => {})
}
