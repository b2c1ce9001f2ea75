import type { Delivery } from '#lib/amqp/consumer.ts'
import { createUnconfirmed } from './unconfirmed.ts'

/** A delivery in the relay's hands, until the broker has taken it back. */
export interface Entry {
  readonly deliveryTag: number
  /** Position in the order of arrival; without gaps. */
  readonly position: number
  readonly receivedMs: number
  /** Once it is done, an empty one. */
  delivery: Delivery
  /** `waiting` to be written; `sent` and unconfirmed; `parking`; `done`: safe elsewhere. */
  state: 'waiting' | 'sent' | 'parking' | 'done'
  /** What was written last. */
  sent: { readonly number: number; readonly properties: Buffer } | undefined
  /** basic.return came for it, so its confirm will mean nothing. */
  returned: boolean
  /** How often it ended a connection, being the only one unconfirmed. */
  provoked: number
  /** The broker has it back already: it must not be acknowledged. */
  isBack: boolean
}

/**
 * The deliveries of one consuming channel that are not acknowledged yet, in their order. Pure
 * bookkeeping: it sends nothing and knows no clock.
 */
export interface Window {
  /** Takes a delivery in; tags grow from call to call. */
  add(delivery: Delivery, nowMs: number): Entry
  /** The first entry that waits to be written. */
  nextWaiting(): Entry | undefined
  /** It was written as message `number` of the publishing channel; numbers grow. */
  markSent(entry: Entry, number: number, properties: Buffer): void
  /** It waits again. */
  markWaiting(entry: Entry): void
  /** The broker has it back already, without an ack. */
  markBack(entry: Entry): void
  /** It is safe: its memory is free, and it may be acknowledged once all before it are safe. */
  markDone(entry: Entry): void
  /** Takes message `number`, with `multiple` all up to it, out of those unconfirmed. */
  settle(number: number, multiple: boolean): Entry[]
  /**
   * Marks which unconfirmed entry was returned. Messages alike in every byte are interchangeable. When
   * none is alike (a broker may encode properties anew), every unconfirmed one after the last returned
   * is taken for returned: it is sent again, which can duplicate but not lose.
   */
  markReturned(properties: Buffer, body: Buffer): void
  /** The publishing channel is gone: what was unconfirmed waits again. Gives those entries. */
  unsend(): Entry[]
  /** The highest tag that may be acknowledged with all before it, once; undefined: nothing new. */
  takeAckable(): number | undefined
  /** The tags of all entries that are done, behind others that are not; once. */
  takeSafe(): number[]
  /** Entries not done. */
  inHand(): number
  /** When the first entry that cannot be acknowledged yet came in; 0 when there is none. */
  oldestMs(): number
  /** Entries sent and unconfirmed. */
  inFlight(): number
  /** Of the bodies and properties of the entries not done. */
  bytes(): number
}

export function createWindow(): Window {
  const entries: Entry[] = []
  const unconfirmed = createUnconfirmed()
  let positions = 0
  let cursor = 0
  let inHand = 0
  let bytes = 0

  const first = () => entries[0]?.position ?? positions
  const markWaiting = (entry: Entry) => {
    entry.state = 'waiting'
    cursor = Math.min(cursor, entry.position)
  }
  const markDone = (entry: Entry) => {
    entry.state = 'done'
    inHand -= 1
    bytes -= sizeOf(entry)
    entry.delivery = RELEASED
    entry.sent = undefined
  }
  return {
    add: (delivery, nowMs) => {
      const entry = toEntry(delivery, positions, nowMs)
      positions += 1
      entries.push(entry)
      inHand += 1
      bytes += sizeOf(entry)
      return entry
    },
    nextWaiting: () => {
      for (; cursor < positions; cursor += 1) {
        const entry = entries[cursor - first()]
        if (entry?.state === 'waiting') return entry
      }
      return undefined
    },
    markSent: unconfirmed.add,
    markWaiting,
    markBack: (entry) => {
      entry.isBack = true
      markDone(entry)
    },
    markDone,
    settle: unconfirmed.settle,
    markReturned: unconfirmed.markReturned,
    unsend: () => {
      const sent = unconfirmed.clear()
      for (const entry of sent) markWaiting(entry)
      return sent
    },
    takeAckable: () => takeAckable(entries),
    takeSafe: () => takeSafe(entries),
    inHand: () => inHand,
    oldestMs: () => entries[0]?.receivedMs ?? 0,
    inFlight: unconfirmed.size,
    bytes: () => bytes,
  }
}

const toEntry = (delivery: Delivery, position: number, receivedMs: number): Entry => ({
  deliveryTag: delivery.deliveryTag,
  position,
  receivedMs,
  delivery,
  state: 'waiting',
  sent: undefined,
  returned: false,
  provoked: 0,
  isBack: false,
})

const NOTHING = Buffer.alloc(0)
const RELEASED: Delivery = {
  deliveryTag: 0,
  redelivered: false,
  exchange: '',
  routingKey: '',
  properties: NOTHING,
  body: NOTHING,
}

const sizeOf = ({ delivery }: Entry) => delivery.body.length + delivery.properties.length

/** Forgets the entries at the head that are done; their last tag that is not handed back. */
function takeAckable(entries: Entry[]): number | undefined {
  let tag: number | undefined
  while (entries[0]?.state === 'done') {
    const entry = entries.shift() as Entry
    if (!entry.isBack) tag = entry.deliveryTag
  }
  return tag
}

function takeSafe(entries: readonly Entry[]): number[] {
  const safe = entries.filter(({ state, isBack }) => state === 'done' && !isBack)
  for (const entry of safe) entry.isBack = true
  return safe.map(({ deliveryTag }) => deliveryTag)
}
