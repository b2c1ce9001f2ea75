import type { Deadline } from '#lib/deadline.ts'

/** Properties of a message as the field names them; amqplib's spelling. */
export interface MessageProperties {
  readonly contentType?: string | undefined
  readonly contentEncoding?: string | undefined
  /** 1 transient, 2 persistent. */
  readonly deliveryMode: 1 | 2
  readonly priority?: number | undefined
  readonly correlationId?: string | undefined
  readonly replyTo?: string | undefined
  /** Milliseconds, as a text of digits. */
  readonly expiration?: string | undefined
  readonly messageId: string
  /** Seconds since 1970. */
  readonly timestamp?: number | undefined
  readonly type?: string | undefined
  readonly appId?: string | undefined
  readonly headers?: Readonly<Record<string, unknown>> | undefined
}

/** A message on its way to the broker. */
export interface OutgoingMessage {
  readonly exchange: string
  readonly routingKey: string
  readonly body: Buffer
  readonly properties: MessageProperties
  /**
   * True: no queue for it is an error (`unroutable`). False: it is a receipt with `routed: false`.
   * The mandatory bit is set on the wire all the same: it is how a return is known.
   */
  readonly mandatory: boolean
}

/** The broker confirmed the message. */
export interface Receipt {
  /** False when no queue took it (basic.return came before the confirm). */
  readonly routed: boolean
  /** 1, or 2 when it was sent again on a new connection. */
  readonly attempts: number
}

/** Puts messages into exchanges over one connection that it opens, checks and replaces by itself. */
export interface Publisher {
  /**
   * Resolves once the broker has confirmed the message and, if `mandatory`, routed it to a queue.
   * @throws {WarrenError} unroutable, exchange-not-found, broker-unavailable, broker-blocked,
   * broker-misconfigured, overloaded, body-too-large, invalid-request (nothing was published);
   * nacked (partial); confirm-timeout, connection-lost, channel-lost, blocked-in-flight (unknown)
   */
  publish(message: OutgoingMessage, deadline: Deadline): Promise<Receipt>
  /** Notes the clock, so that a freeze before this moment is noticed; call it at every request's entry. */
  noteActivity(): void
  /**
   * Resolves when a message could be published now: connected, answering, no alarm known.
   * @throws {WarrenError} broker-unavailable, broker-misconfigured, broker-blocked
   */
  ready(deadline: Deadline): Promise<void>
  /** Takes no more messages, waits for those under way at most `graceMs`, then closes the connection. */
  close(graceMs: number): Promise<void>
}
