import type { MessageProperties } from './message.ts'
import { flagOf, PROPERTY } from './raw-properties.ts'

const LONGEST_TABLE = 64 * 1024
/** Room for a table, or one that is too long, and every short string at its longest. */
const LONGEST = LONGEST_TABLE + 8 * 1024
const scratch = Buffer.allocUnsafeSlow(LONGEST)

/**
 * The flags and fields of a content header for these properties. Numbers in `headers` become the
 * smallest signed integer type that holds them, or a double, as with amqplib.
 * @returns bytes that are good until the next call
 * @throws {RangeError} a text over 255 bytes, or headers that do not fit into 64 KiB
 */
export function encodeProperties(properties: MessageProperties): Buffer {
  let flags = 0
  let offset = 2
  const text = (property: number, value: string | undefined) => {
    if (value === undefined) return
    flags |= flagOf(property)
    offset = writeShortString(value, offset)
  }
  text(PROPERTY.contentType, properties.contentType)
  text(PROPERTY.contentEncoding, properties.contentEncoding)
  if (properties.headers !== undefined) {
    flags |= flagOf(PROPERTY.headers)
    const start = offset
    offset = writeTable(properties.headers, offset)
    if (offset - start > LONGEST_TABLE) throw new RangeError('the headers are over 64 KiB')
  }
  flags |= flagOf(PROPERTY.deliveryMode)
  offset = scratch.writeUInt8(properties.deliveryMode, offset)
  if (properties.priority !== undefined) {
    flags |= flagOf(PROPERTY.priority)
    offset = scratch.writeUInt8(properties.priority, offset)
  }
  text(PROPERTY.correlationId, properties.correlationId)
  text(PROPERTY.replyTo, properties.replyTo)
  text(PROPERTY.expiration, properties.expiration)
  text(PROPERTY.messageId, properties.messageId)
  if (properties.timestamp !== undefined) {
    flags |= flagOf(PROPERTY.timestamp)
    offset = scratch.writeBigUInt64BE(BigInt(properties.timestamp), offset)
  }
  text(PROPERTY.type, properties.type)
  text(PROPERTY.appId, properties.appId)
  scratch.writeUInt16BE(flags, 0)
  return scratch.subarray(0, offset)
}

function writeShortString(text: string, offset: number): number {
  const bytes = scratch.write(text, offset + 1)
  scratch.writeUInt8(bytes, offset)
  return offset + 1 + bytes
}

const LENGTH_BYTES = 4

/** Writes the content, then its length in bytes before it. */
function writeSized(offset: number, writeContent: (offset: number) => number): number {
  const start = offset + LENGTH_BYTES
  const end = writeContent(start)
  scratch.writeUInt32BE(end - start, offset)
  return end
}

const writeTable = (table: Readonly<Record<string, unknown>>, at: number): number =>
  writeSized(at, (start) => {
    let offset = start
    for (const [name, value] of Object.entries(table)) {
      offset = writeField(value, writeShortString(name, offset))
    }
    return offset
  })

/** A type tag (RabbitMQ's: amqp-0-9-1-errata, "Field types") and the value. */
function writeField(value: unknown, offset: number): number {
  const at = offset + 1
  const tag = (letter: string) => scratch.writeUInt8(letter.charCodeAt(0), offset)
  if (typeof value === 'string') return writeLongString(value, tag('S'))
  if (typeof value === 'number') return writeNumber(value, offset)
  if (typeof value === 'boolean') return scratch.writeUInt8(value ? 1 : 0, tag('t'))
  if (Array.isArray(value)) {
    tag('A')
    return writeSized(at, (start) => value.reduce((to, item) => writeField(item, to), start))
  }
  if (typeof value === 'object' && value !== null) {
    return writeTable(value as Readonly<Record<string, unknown>>, tag('F'))
  }
  return tag('V')
}

/** Throws where `write` would cut the text short. */
const writeLongString = (text: string, at: number): number =>
  writeSized(at, (start) => {
    const end = start + Buffer.byteLength(text)
    if (end > LONGEST) throw new RangeError('the headers are over 64 KiB')
    scratch.write(text, start)
    return end
  })

function writeNumber(value: number, offset: number): number {
  const tag = (letter: string) => scratch.writeUInt8(letter.charCodeAt(0), offset)
  if (!Number.isInteger(value)) return scratch.writeDoubleBE(value, tag('d'))
  if (value >= -0x80 && value < 0x80) return scratch.writeInt8(value, tag('b'))
  if (value >= -0x8000 && value < 0x8000) return scratch.writeInt16BE(value, tag('s'))
  if (value >= -0x80000000 && value < 0x80000000) return scratch.writeInt32BE(value, tag('I'))
  return scratch.writeBigInt64BE(BigInt(value), tag('l'))
}
