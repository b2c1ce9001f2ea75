import type { Deadline } from '#lib/deadline.ts'
import type { OutgoingMessage, Publisher } from './message.ts'
import { createSlots } from './slots.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Bodies of this many bytes and more go over the connection for large ones. */
const LARGE_FROM = 256 * KIB
/** Unconfirmed bytes on the connection for large bodies; further ones wait. */
const MOST_LARGE_BYTES = 64 * MIB

/**
 * Two publishers, each with its own connection, as one: a body of 20 MB takes a connection for as
 * long as it takes to send, and must not delay the small ones behind it.
 */
export function createSplitPublisher(small: Publisher, large: Publisher): Publisher {
  const room = createSlots(MOST_LARGE_BYTES)
  const publishLarge = async (message: OutgoingMessage, deadline: Deadline) => {
    const size = Math.min(message.body.length, MOST_LARGE_BYTES)
    await room.take(deadline, size)
    try {
      return await large.publish(message, deadline)
    } finally {
      room.give(size)
    }
  }
  return {
    publish: (message, deadline) =>
      message.body.length < LARGE_FROM
        ? small.publish(message, deadline)
        : publishLarge(message, deadline),
    noteActivity: () => {
      small.noteActivity()
      large.noteActivity()
    },
    ready: (deadline) => small.ready(deadline),
    close: async (graceMs) => {
      await Promise.all([small.close(graceMs), large.close(graceMs)])
    },
  }
}
