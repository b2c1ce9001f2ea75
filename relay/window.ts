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
  /** `waiting` to be written; `aside`, see lanes.ts; `sent` and unconfirmed; `parking`; `done`: safe. */
  state: 'waiting' | 'aside' | 'sent' | 'parking' | 'done'
  /** Of its copy; known once it has been looked at. */
  key: string
  /** The lane that it waits in, also while it is tried. */
  lane: string | undefined
  /** What was written last. */
  sent: { readonly number: number; readonly properties: Buffer } | undefined
  /** basic.return came for it, so its confirm will mean nothing. */
  returned: boolean
  /** How often it ended a connection, being the only one unconfirmed. */
  provoked: number
  /** The broker has it back already: it must not be acknowledged. */
  isBack: boolean
  /** Its neighbours in the order of arrival. */
  before: Entry | undefined
  after: Entry | undefined
}

/** How many entries, and the bytes of their bodies and properties. */
export interface Load {
  readonly count: number
  readonly bytes: number
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
  /** It waits again; in its lane, if it has one. */
  markWaiting(entry: Entry): void
  /** It waits in this lane from now on, or, undefined, in none any more. */
  putAside(entry: Entry, lane: string | undefined): void
  /** The broker has it back already, without an ack. */
  markBack(entry: Entry): void
  /** It is safe: its memory is free, and it may be acknowledged. */
  markDone(entry: Entry): void
  /** Takes message `number`, with `multiple` all up to it, out of those unconfirmed. */
  settle(number: number, multiple: boolean): Entry[]
  /**
   * Marks which unconfirmed entry was returned. Messages alike in every byte, or but for the order of
   * their headers, are interchangeable. When none is (a broker may encode properties anew), all that are alike
   * but for their headers are taken for returned, else every unconfirmed one after the last
   * returned: they are sent again, which can duplicate but not lose.
   */
  markReturned(properties: Buffer, body: Buffer): void
  /** The publishing channel is gone: what was unconfirmed waits again. Gives those entries. */
  unsend(): Entry[]
  /** The highest tag that may be acknowledged with all before it, once; undefined: nothing new. */
  takeAckable(): number | undefined
  /** The tags of all entries that are done behind others that are not; once. */
  takeSafe(): number[]
  /** Entries not done. */
  inHand(): Load
  /** Of these, the ones that have a lane. */
  aside(): Load
  /** The first entry that is not done. */
  oldest(): Entry | undefined
  /** Entries sent and unconfirmed. */
  inFlight(): number
}

export function createWindow(): Window {
  const list = createList()
  const unconfirmed = createUnconfirmed()
  const inHand = { count: 0, bytes: 0 }
  const aside = { count: 0, bytes: 0 }
  let positions = 0
  /** No entry before it waits. */
  let cursor: Entry | undefined

  const putAside = (entry: Entry, lane: string | undefined) => {
    if (lane !== undefined && entry.lane === undefined) weigh(aside, entry, 1)
    if (lane === undefined && entry.lane !== undefined) weigh(aside, entry, -1)
    entry.lane = lane
    markWaiting(entry)
  }
  const markWaiting = (entry: Entry) => {
    entry.state = entry.lane === undefined ? 'waiting' : 'aside'
    if (entry.lane !== undefined) return
    if (cursor === undefined || entry.position < cursor.position) cursor = entry
  }
  const remove = (entry: Entry) => {
    if (cursor === entry) cursor = entry.after
    list.remove(entry)
  }
  const markDone = (entry: Entry) => {
    weigh(inHand, entry, -1)
    if (entry.lane !== undefined) weigh(aside, entry, -1)
    entry.state = 'done'
    entry.delivery = RELEASED
    entry.sent = undefined
  }
  return {
    add: (delivery, nowMs) => {
      const entry = toEntry(delivery, positions, nowMs)
      positions += 1
      list.append(entry)
      cursor ??= entry
      weigh(inHand, entry, 1)
      return entry
    },
    nextWaiting: () => {
      while (cursor !== undefined && cursor.state !== 'waiting') cursor = cursor.after
      return cursor
    },
    markSent: unconfirmed.add,
    markWaiting,
    putAside,
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
    takeAckable: () => {
      let tag: number | undefined
      for (let head = list.head(); head?.state === 'done'; head = list.head()) {
        if (!head.isBack) tag = head.deliveryTag
        remove(head)
      }
      return tag
    },
    takeSafe: () => {
      const tags: number[] = []
      for (const entry of list.entries()) {
        if (entry.state !== 'done') continue
        if (!entry.isBack) tags.push(entry.deliveryTag)
        remove(entry)
      }
      return tags
    },
    inHand: () => inHand,
    aside: () => aside,
    oldest: () => list.head(),
    inFlight: unconfirmed.size,
  }
}

/** Entries in order; one of the middle is removed as quickly as the first. */
function createList() {
  let first: Entry | undefined
  let last: Entry | undefined
  return {
    head: () => first,
    append: (entry: Entry) => {
      entry.before = last
      if (last === undefined) first = entry
      else last.after = entry
      last = entry
    },
    remove: (entry: Entry) => {
      if (entry.before === undefined) first = entry.after
      else entry.before.after = entry.after
      if (entry.after === undefined) last = entry.before
      else entry.after.before = entry.before
      entry.before = entry.after = undefined
    },
    /** The one that is given may be removed. */
    *entries() {
      for (let entry = first, after = first?.after; entry; entry = after, after = entry?.after) {
        yield entry
      }
    },
  }
}

const toEntry = (delivery: Delivery, position: number, receivedMs: number): Entry => ({
  deliveryTag: delivery.deliveryTag,
  position,
  receivedMs,
  delivery,
  state: 'waiting',
  key: '',
  lane: undefined,
  sent: undefined,
  returned: false,
  provoked: 0,
  isBack: false,
  before: undefined,
  after: undefined,
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

function weigh(load: { count: number; bytes: number }, { delivery }: Entry, sign: 1 | -1): void {
  load.count += sign
  load.bytes += sign * (delivery.body.length + delivery.properties.length)
}
