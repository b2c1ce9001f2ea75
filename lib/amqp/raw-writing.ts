import type { AmqpConnection } from './connection.ts'
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
  METHOD_PUBLISH,
  numberOf,
  SIZE_AT,
} from './raw-frames.ts'
import { shortString } from './raw-properties.ts'

/** Writes messages with raw properties to one channel. */
export interface RawWriter {
  /** Sent `mandatory`. @throws {RangeError} when the properties do not fit into a frame */
  write(exchange: string, routingKey: string, properties: Buffer, body: Buffer): void
  /** Sends what was gathered: nothing of this channel may follow its close. */
  flush(): void
}

/** Larger bodies are not copied: each of their frames is a write of its own. */
const COPIED_BODY_BYTES = 8192

/** @param channel amqplib's; only its number is used. */
export function createRawWriter(connection: AmqpConnection, channel: unknown): RawWriter {
  const internals = internalsOf(connection)
  const number = numberOf(channel)
  const largest = internals.frameMax - FRAME_OVERHEAD
  const outbox = createOutbox(internals)
  const methodFrame = rememberingLast((exchange, routingKey) =>
    Buffer.concat(frame(FRAME_METHOD, number, publishMethod(exchange, routingKey))),
  )
  return {
    write: (exchange, routingKey, properties, body) => {
      if (properties.length + CONTENT_HEADER_BYTES > largest) {
        throw new RangeError(`the properties do not fit into a frame of ${largest} bytes`)
      }
      const method = methodFrame(exchange, routingKey)
      const head = method.length + FRAME_OVERHEAD + CONTENT_HEADER_BYTES + properties.length
      const copied = body.length > 0 && body.length <= COPIED_BODY_BYTES
      const at = outbox.reserve(head + (copied ? FRAME_OVERHEAD + body.length : 0))
      const bodyAt = writeHeader(outbox.bytes(), at, number, { method, properties, body })
      if (copied) return writeBody(outbox.bytes(), bodyAt, number, body)
      for (let offset = 0; offset < body.length; offset += largest) {
        const slice = body.subarray(offset, offset + largest)
        for (const part of frame(FRAME_BODY, number, slice)) outbox.add(part)
      }
    },
    flush: outbox.send,
  }
}

interface Message {
  /** The whole frame. */
  readonly method: Buffer
  readonly properties: Buffer
  readonly body: Buffer
}

/** Writes the frames before the body; gives where they end. */
function writeHeader(
  bytes: Buffer,
  start: number,
  channel: number,
  { method, properties, body }: Message,
): number {
  let offset = start + method.copy(bytes, start)
  const payload = CONTENT_HEADER_BYTES + properties.length
  offset = writeHead(bytes, offset, FRAME_HEADER, channel, payload)
  bytes.writeUInt32BE(CLASS_BASIC << 16, offset) // and the weight, which is 0
  bytes.writeUInt32BE(0, offset + 4) // of the body's size; a Buffer has less than 4 GiB
  bytes.writeUInt32BE(body.length, offset + 8)
  offset += CONTENT_HEADER_BYTES
  offset += properties.copy(bytes, offset)
  bytes[offset] = FRAME_END
  return offset + 1
}

function writeBody(bytes: Buffer, start: number, channel: number, body: Buffer): void {
  const offset = writeHead(bytes, start, FRAME_BODY, channel, body.length)
  bytes[offset + body.copy(bytes, offset)] = FRAME_END
}

function writeHead(
  bytes: Buffer,
  offset: number,
  type: number,
  channel: number,
  payloadBytes: number,
): number {
  bytes[offset] = type
  bytes.writeUInt16BE(channel, offset + CHANNEL_AT)
  return bytes.writeUInt32BE(payloadBytes, offset + SIZE_AT)
}

/** Gathers what is written in one turn of the event loop, and sends it as one. */
interface Outbox {
  /** Room for so many bytes; gives where it is. */
  reserve(count: number): number
  /** Where the room is; not the same buffer after the next `reserve`. */
  bytes(): Buffer
  /** Sends these bytes behind what was gathered, without copying them. */
  add(part: Buffer): void
  /** Sends what was gathered. */
  send(): void
}

/** As much as the kernel takes at once; some fifty messages of 1 KB. */
const OUTBOX_BYTES = 65_536

function createOutbox(internals: Internals): Outbox {
  const { stream } = internals
  let bytes = Buffer.allocUnsafeSlow(OUTBOX_BYTES)
  let start = 0
  let end = 0
  let open = false
  const send = () => {
    if (end > start) internals.sendBytes(bytes.subarray(start, end))
    start = end
  }
  const openForThisTurn = () => {
    if (open) return
    open = true
    // What the kernel has taken may be written over.
    if (stream.writableLength === 0) start = end = 0
    stream.cork()
    // Not at the next tick: each of many HTTP requests that came in together has its own.
    setImmediate(() => {
      open = false
      send()
      stream.uncork()
    })
  }
  return {
    send,
    bytes: () => bytes,
    reserve: (count) => {
      openForThisTurn()
      if (end + count > bytes.length) {
        send()
        bytes = Buffer.allocUnsafeSlow(Math.max(OUTBOX_BYTES, count))
        start = end = 0
      }
      const at = end
      end += count
      return at
    },
    add: (part) => {
      send()
      internals.sendBytes(part)
    },
  }
}

/** A relay to a queue publishes to one exchange with one routing key. */
function rememberingLast(make: (exchange: string, routingKey: string) => Buffer) {
  let last: { exchange: string; routingKey: string; bytes: Buffer } | undefined
  return (exchange: string, routingKey: string): Buffer => {
    if (last?.exchange !== exchange || last.routingKey !== routingKey) {
      last = { exchange, routingKey, bytes: make(exchange, routingKey) }
    }
    return last.bytes
  }
}

const END = Buffer.from([FRAME_END])

function frame(type: number, channel: number, payload: Buffer): [Buffer, Buffer, Buffer] {
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  writeHead(head, 0, type, channel, payload.length)
  return [head, payload, END]
}

/** The flags of basic.publish. */
const MANDATORY = Buffer.from([1])

function publishMethod(exchange: string, routingKey: string): Buffer {
  const head = Buffer.alloc(6) // class, method, and a short that is reserved
  head.writeUInt16BE(CLASS_BASIC, 0)
  head.writeUInt16BE(METHOD_PUBLISH, 2)
  return Buffer.concat([head, shortString(exchange), shortString(routingKey), MANDATORY])
}
