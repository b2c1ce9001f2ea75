import type { Socket } from 'node:net'
import type { AmqpConnection } from './connection.ts'
import { shortString } from './raw-properties.ts'

/** The parts of amqplib 2.3.1's connection that its types do not show. */
interface Internals {
  readonly stream: Socket
  readonly frameMax: number
  /** What was read and not parsed yet; begins with a frame. */
  rest: Buffer
  /** For the heartbeat: whether bytes came in since its last look. */
  recvSinceLastCheck: boolean
  /** The next frame, decoded; false: wait for more bytes. Calls itself after a read. */
  recvFrame(): unknown
  /** Writes to the socket and notes for the heartbeat that it did. */
  sendBytes(bytes: Buffer): void
}

const internalsOf = ({ model }: AmqpConnection) => model.connection as unknown as Internals

const FRAME_METHOD = 1
const FRAME_HEADER = 2
const FRAME_BODY = 3
const FRAME_END = 0xce
/** Type, channel and size. */
const HEAD_BYTES = 7
const FRAME_OVERHEAD = HEAD_BYTES + 1
/** Of a content header before its properties: class, weight, body size. */
const CONTENT_HEADER_BYTES = 12
const CLASS_BASIC = 60
const METHOD_PUBLISH = 40
/** The flags of basic.publish. */
const MANDATORY = Buffer.from([1])

/** Stops and goes on reading a connection, so that the sender waits. */
export interface Reading {
  pause(): void
  resume(): void
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

function install(connection: AmqpConnection): Reading {
  const internals = internalsOf(connection)
  const recvFrame = internals.recvFrame.bind(internals)
  let beating: NodeJS.Timeout | undefined
  internals.recvFrame = () => {
    if (beating !== undefined) return false
    return takeContentHeader(internals) ?? recvFrame()
  }
  const stopBeating = () => {
    clearInterval(beating)
    beating = undefined
  }
  connection.onClosed(stopBeating)
  return {
    pause: () => {
      // Who does not read sees no heartbeat either, and must not take that for the peer's death.
      beating ??= setInterval(
        () => {
          internals.recvSinceLastCheck = true
        },
        connection.heartbeatS * 250 || 1000,
      )
    },
    resume: () => {
      if (beating === undefined) return
      stopBeating()
      internals.stream.emit('readable') // amqplib reads on this event only
    },
  }
}

/** Undefined: the next frame is not a content header, or not there as a whole. */
function takeContentHeader(internals: Internals) {
  const { rest } = internals
  if (rest.length < HEAD_BYTES || rest[0] !== FRAME_HEADER) return undefined
  const end = HEAD_BYTES + rest.readUInt32BE(3)
  if (rest[end] !== FRAME_END) return undefined
  internals.rest = rest.subarray(end + 1)
  return {
    id: CLASS_BASIC,
    channel: rest.readUInt16BE(1),
    size: Number(rest.readBigUInt64BE(HEAD_BYTES + 4)),
    fields: rest.subarray(HEAD_BYTES + CONTENT_HEADER_BYTES, end),
  }
}

/** Writes messages with raw properties to one channel. */
export interface RawWriter {
  /** Sent `mandatory`. @throws {RangeError} when the properties do not fit into a frame */
  write(exchange: string, routingKey: string, properties: Buffer, body: Buffer): void
}

/** Bodies up to this are copied into one buffer with their frames: cheaper than a write for each. */
const COPIED_BODY_BYTES = 8192

/** @param channel amqplib's; only its number is used. */
export function createRawWriter(connection: AmqpConnection, channel: unknown): RawWriter {
  const internals = internalsOf(connection)
  const number = (channel as { readonly ch: number }).ch
  const largest = internals.frameMax - FRAME_OVERHEAD
  const cork = oncePerTurn(internals.stream)
  const methodFrame = rememberingLast((exchange, routingKey) =>
    Buffer.concat(frame(FRAME_METHOD, number, publishMethod(exchange, routingKey))),
  )
  return {
    write: (exchange, routingKey, properties, body) => {
      if (properties.length + CONTENT_HEADER_BYTES > largest) {
        throw new RangeError(`the properties do not fit into a frame of ${largest} bytes`)
      }
      cork()
      const method = methodFrame(exchange, routingKey)
      if (body.length <= COPIED_BODY_BYTES) {
        internals.sendBytes(wholeMessage(number, method, properties, body))
        return
      }
      internals.sendBytes(wholeMessage(number, method, properties, body, false))
      for (let offset = 0; offset < body.length; offset += largest) {
        const slice = body.subarray(offset, offset + largest)
        for (const part of frame(FRAME_BODY, number, slice)) internals.sendBytes(part)
      }
    },
  }
}

/** The frames of a message in one buffer, with or without its body. */
function wholeMessage(
  channel: number,
  method: Buffer,
  properties: Buffer,
  body: Buffer,
  withBody = body.length > 0,
): Buffer {
  const headerBytes = CONTENT_HEADER_BYTES + properties.length
  const bodyBytes = withBody ? FRAME_OVERHEAD + body.length : 0
  const bytes = Buffer.allocUnsafe(method.length + FRAME_OVERHEAD + headerBytes + bodyBytes)
  let offset = method.copy(bytes)
  offset = writeHead(bytes, offset, FRAME_HEADER, channel, headerBytes)
  bytes.writeUInt32BE(CLASS_BASIC << 16, offset) // and the weight, which is 0
  bytes.writeUInt32BE(0, offset + 4) // of the body's size; a Buffer has less than 4 GiB
  bytes.writeUInt32BE(body.length, offset + 8)
  offset += CONTENT_HEADER_BYTES
  offset += properties.copy(bytes, offset)
  bytes[offset] = FRAME_END
  if (!withBody) return bytes
  offset = writeHead(bytes, offset + 1, FRAME_BODY, channel, body.length)
  bytes[offset + body.copy(bytes, offset)] = FRAME_END
  return bytes
}

function writeHead(
  bytes: Buffer,
  offset: number,
  type: number,
  channel: number,
  payloadBytes: number,
): number {
  bytes[offset] = type
  bytes.writeUInt16BE(channel, offset + 1)
  return bytes.writeUInt32BE(payloadBytes, offset + 3)
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

/** One write per turn of the event loop instead of one per message: see corkWrites in connection.ts. */
function oncePerTurn(stream: Socket): () => void {
  let corked = false
  return () => {
    if (corked) return
    corked = true
    stream.cork()
    process.nextTick(() => {
      corked = false
      stream.uncork()
    })
  }
}

const END = Buffer.from([FRAME_END])

function frame(type: number, channel: number, payload: Buffer): [Buffer, Buffer, Buffer] {
  const head = Buffer.allocUnsafe(HEAD_BYTES)
  writeHead(head, 0, type, channel, payload.length)
  return [head, payload, END]
}

function publishMethod(exchange: string, routingKey: string): Buffer {
  const head = Buffer.alloc(6) // class, method, and a short that is reserved
  head.writeUInt16BE(CLASS_BASIC, 0)
  head.writeUInt16BE(METHOD_PUBLISH, 2)
  return Buffer.concat([head, shortString(exchange), shortString(routingKey), MANDATORY])
}
