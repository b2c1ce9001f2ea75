import type { AmqpConnection } from './connection.ts'
import type { Delivery } from './consumer.ts'
import {
  CHANNEL_AT,
  CLASS_BASIC,
  CONTENT_HEADER_BYTES,
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_METHOD,
  FRAME_OVERHEAD,
  HEAD_BYTES,
  type Internals,
  internalsOf,
  METHOD_DELIVER,
  SIZE_AT,
} from './raw-frames.ts'
import { textFrom } from './raw-text.ts'

/** How a connection is read. */
export interface Reading {
  /** Stops reading, so that the sender waits. */
  pause(): void
  resume(): void
  /**
   * Gives deliveries on this channel to `receive` without a detour through amqplib: all but those that
   * are in several frames or not there as a whole when they are looked at. Those take the usual way.
   */
  shortcut(channel: number, receive: (delivery: Delivery) => void): void
  /** Ends that. */
  noShortcut(channel: number): void
  /** Of the delivery that came last on this channel and took the usual way: amqplib reads UTF-8 only. */
  routingKeyOf(channel: number): string | undefined
}

const carrying = new WeakMap<AmqpConnection, Reading>()

/**
 * From now on the `properties` of every message that comes in on the connection are the undecoded
 * bytes of its content header: see raw-properties.ts for why. May be called again.
 */
export function carryRawProperties(connection: AmqpConnection): Reading {
  const reading = carrying.get(connection) ?? install(connection)
  carrying.set(connection, reading)
  return reading
}

type Receivers = Map<number, (delivery: Delivery) => void>

function install(connection: AmqpConnection): Reading {
  const internals = internalsOf(connection)
  const recvFrame = internals.recvFrame.bind(internals)
  const receivers: Receivers = new Map()
  const routingKeys = new Map<number, string>()
  let beating: NodeJS.Timeout | undefined
  const isPaused = () => beating !== undefined
  internals.recvFrame = () => {
    while (!isPaused() && takeDelivery(internals, receivers));
    if (isPaused()) return false
    noteRoutingKey(internals.rest, receivers, routingKeys)
    return takeContentHeader(internals) ?? recvFrame()
  }
  const stopBeating = () => {
    clearInterval(beating)
    beating = undefined
  }
  connection.onClosed(stopBeating)
  const beat = () => {
    internals.recvSinceLastCheck = true
  }
  return {
    shortcut: (channel, receive) => void receivers.set(channel, receive),
    noShortcut: (channel) => {
      receivers.delete(channel)
      routingKeys.delete(channel)
    },
    routingKeyOf: (channel) => routingKeys.get(channel),
    pause: () => {
      // Who does not read sees no heartbeat either, and must not take that for the peer's death.
      beating ??= setInterval(beat, connection.heartbeatS * 250 || 1000)
    },
    resume: () => {
      if (!isPaused()) return
      stopBeating()
      internals.stream.emit('readable') // amqplib reads on this event only
    },
  }
}

/** Undefined: the next frame is not a content header, or not there as a whole. */
function takeContentHeader(internals: Internals) {
  const { rest } = internals
  const end = endOfFrame(rest, 0, FRAME_HEADER)
  if (end === undefined) return undefined
  internals.rest = rest.subarray(end)
  return {
    id: CLASS_BASIC,
    channel: rest.readUInt16BE(CHANNEL_AT),
    size: Number(rest.readBigUInt64BE(HEAD_BYTES + 4)),
    fields: rest.subarray(HEAD_BYTES + CONTENT_HEADER_BYTES, end - 1),
  }
}

/** Where the frame at `offset` ends, if it is of this type and there as a whole. */
function endOfFrame(bytes: Buffer, offset: number, type: number): number | undefined {
  if (bytes.length < offset + HEAD_BYTES || bytes[offset] !== type) return undefined
  const end = offset + FRAME_OVERHEAD + bytes.readUInt32BE(offset + SIZE_AT)
  return bytes[end - 1] === FRAME_END ? end : undefined
}

const DELIVER = (CLASS_BASIC << 16) | METHOD_DELIVER

/** Takes one delivery that is there as a whole: method, header and at most one body frame. */
function takeDelivery(internals: Internals, receivers: Receivers): boolean {
  const { rest } = internals
  const header = endOfFrame(rest, 0, FRAME_METHOD)
  if (header === undefined || rest.readUInt32BE(HEAD_BYTES) !== DELIVER) return false
  const receive = receivers.get(rest.readUInt16BE(CHANNEL_AT))
  const headerEnd = receive && endOfFrame(rest, header, FRAME_HEADER)
  if (headerEnd === undefined) return false
  const content = header + HEAD_BYTES
  // Of a size over 4 GiB the upper half is not 0; no frame is that long.
  const bodyBytes = rest.readUInt32BE(content + 4) * 2 ** 32 + rest.readUInt32BE(content + 8)
  const end = bodyBytes === 0 ? headerEnd : endOfFrame(rest, headerEnd, FRAME_BODY)
  if (end === undefined) return false
  if (bodyBytes > 0 && rest.readUInt32BE(headerEnd + SIZE_AT) !== bodyBytes) return false
  internals.rest = rest.subarray(end)
  receive?.({
    ...methodFields(rest, HEAD_BYTES + 4),
    properties: rest.subarray(content + CONTENT_HEADER_BYTES, headerEnd - 1),
    body: bodyBytes === 0 ? NO_BODY : rest.subarray(headerEnd + HEAD_BYTES, end - 1),
  })
  return true
}

const NO_BODY = Buffer.alloc(0)

/** Of a delivery that is next, but not there as a whole. */
function noteRoutingKey(rest: Buffer, receivers: Receivers, keys: Map<number, string>): void {
  if (endOfFrame(rest, 0, FRAME_METHOD) === undefined) return
  if (rest.readUInt32BE(HEAD_BYTES) !== DELIVER) return
  const channel = rest.readUInt16BE(CHANNEL_AT)
  if (receivers.has(channel)) keys.set(channel, methodFields(rest, HEAD_BYTES + 4).routingKey)
}

/** Consumer tag, delivery tag, redelivered, exchange, routing key (AMQP 0-9-1, basic.deliver). */
function methodFields(bytes: Buffer, start: number) {
  const tag = start + 1 + (bytes[start] as number)
  const exchange = tag + 9
  const exchangeEnd = exchange + 1 + (bytes[exchange] as number)
  const keyEnd = exchangeEnd + 1 + (bytes[exchangeEnd] as number)
  return {
    deliveryTag: bytes.readUInt32BE(tag) * 2 ** 32 + bytes.readUInt32BE(tag + 4),
    redelivered: ((bytes[tag + 8] as number) & 1) === 1,
    exchange: textFrom(bytes, exchange + 1, exchangeEnd),
    routingKey: textFrom(bytes, exchangeEnd + 1, keyEnd),
  }
}
