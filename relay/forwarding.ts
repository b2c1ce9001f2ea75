import type { Delivery } from '#lib/amqp/consumer.ts'
import type { RawPublisher, RawPublisherEvents } from '#lib/amqp/raw-publisher.ts'
import type { Load } from './window.ts'

/** Why the destination does not take messages at the moment. */
export type Trouble = 'unroutable' | 'nacked' | 'forbidden' | 'lost' | 'blocked'

/** `parked`: confirmed in the parking queue; `handed-back`: the broker dead-letters it by itself. */
export type ParkOutcome = 'parked' | 'handed-back'

export interface ForwarderOptions {
  /** The exchange to publish to; the empty name is the default exchange. */
  readonly exchange: string
  /** Absent: every message keeps its own. */
  readonly routingKey: string | undefined
  readonly order: 'window' | 'strict'
  /**
   * How what is refused waits while the rest goes on, see lanes.ts; undefined: nothing goes on, since
   * everything has the same way, or must keep its order.
   */
  readonly lanes: 'key' | 'message' | undefined
  /** How many copies may be unconfirmed: so many can come twice after a kill. */
  readonly mostInFlight: number
  /** Of what waits aside. */
  readonly room: Load
  /** The broker dead-letters a message after so many deliveries. */
  readonly deliveryLimit: number
  readonly persist: 'always' | 'preserve'
  /** See Rules of copy.ts. */
  readonly maxHops: number
  /** Whether a message that no queue takes is parked instead of held. */
  readonly parkUnroutable: boolean
  /** Puts a message aside; resolves once the broker has it safe, however long that takes. Never rejects. */
  readonly park: (delivery: Delivery, reason: string, error: string) => Promise<ParkOutcome>
  /** Before the next try after `unroutable`: the destination may have to be declared. Never rejects. */
  readonly onMissing: () => Promise<void>
  /** Before the next try after `nacked`, when nothing is unconfirmed: another publisher has to come. */
  readonly onRefusing: () => void
  /** The broker confirmed the copy and routed it. */
  readonly onForwarded: (delivery: Delivery, hopMs: number) => void
  readonly onRefused: (why: 'unroutable' | 'nacked') => void
  /** What is in hand has changed. */
  readonly onChange: () => void
  /** A steady clock, in ms. */
  readonly now: () => number
}

/** Turns deliveries into confirmed copies: the heart of the relay. It never nacks a delivery. */
export interface Forwarder {
  readonly events: RawPublisherEvents
  deliver(delivery: Delivery): void
  /** A publishing channel that is ready. */
  use(publisher: RawPublisher): void
  /** The destination's broker takes no messages (connection.blocked), or does again. */
  setBlocked(blocked: boolean): void
  /** The highest tag that may be acknowledged with all before it, once. */
  takeAckable(): number | undefined
  /** The tags of all else that is safe, once: what is not ackable because of others before it. */
  takeSafe(): number[]
  /** Whether what is safe waits behind something that may take long. */
  isHeadStuck(): boolean
  /** Tries nothing again that waits aside. */
  finish(): void
  /** Publishes nothing any more. */
  stop(): void
  state(): ForwarderState
}

export interface ForwarderState {
  readonly inHand: number
  /** Of these, waiting aside while others go on. */
  readonly aside: number
  /** There is no room for more of them. */
  readonly isCrowded: boolean
  /** Of those in hand, unconfirmed. */
  readonly inFlight: number
  readonly bytes: number
  /** When a message became safe last, or when the first one not aside came in, on the clock of `now`. */
  readonly progressMs: number
  /** When the oldest of those in hand came in; 0 when there is none. */
  readonly oldestMs: number
  /** How many messages became safe. */
  readonly safe: number
  /** Undefined while all is well. */
  readonly trouble: Trouble | undefined
}
