import { bytesOf, textFrom } from './raw-text.ts'

/**
 * The properties of a message as they are on the wire (AMQP 0-9-1, 4.2.6): each property present is
 * the slice of its bytes, never decoded. So they pass through a relay to the byte and the type, which
 * amqplib's decoded form does not offer: it guesses number types anew, corrupts integers beyond 2^53,
 * drops `cluster_id`, and ends the connection over a type tag that it does not know.
 */
export type RawProperties = (Buffer | undefined)[]

/** A property's place in RawProperties, in the order of the wire. */
export const PROPERTY = {
  contentType: 0,
  contentEncoding: 1,
  headers: 2,
  deliveryMode: 3,
  priority: 4,
  correlationId: 5,
  replyTo: 6,
  expiration: 7,
  messageId: 8,
  timestamp: 9,
  type: 10,
  userId: 11,
  appId: 12,
  clusterId: 13,
} as const

const COUNT = 14
const FLAGS_BYTES = 2

/** How long a property is: by its own first byte, by its first four, or always the same. */
const lengthAt = (property: number, bytes: Buffer, offset: number): number => {
  if (property === PROPERTY.headers) return 4 + bytes.readUInt32BE(offset)
  if (property === PROPERTY.timestamp) return 8
  if (property === PROPERTY.deliveryMode || property === PROPERTY.priority) return 1
  return 1 + (bytes[offset] as number)
}

/**
 * Splits the flags and fields of a content header.
 * @throws {RangeError} when they are cut short
 */
export function splitProperties(bytes: Buffer): RawProperties {
  const flags = bytes.readUInt16BE(0)
  const properties: RawProperties = new Array(COUNT).fill(undefined)
  let offset = FLAGS_BYTES
  for (let property = 0; property < COUNT; property += 1) {
    if ((flags & flagOf(property)) === 0) continue
    const end = offset + lengthAt(property, bytes, offset)
    if (end > bytes.length) throw new RangeError('the properties are cut short')
    properties[property] = bytes.subarray(offset, end)
    offset = end
  }
  return properties
}

/** The flags and fields of a content header. */
export function joinProperties(properties: RawProperties): Buffer {
  const flags = Buffer.allocUnsafe(FLAGS_BYTES)
  const parts: Buffer[] = [flags]
  let bits = 0
  for (let property = 0; property < COUNT; property += 1) {
    const bytes = properties[property]
    if (bytes === undefined) continue
    bits |= flagOf(property)
    parts.push(bytes)
  }
  flags.writeUInt16BE(bits)
  return Buffer.concat(parts)
}

/** The bytes of a short string property. @throws {RangeError} over 255 bytes */
export function shortString(text: string): Buffer {
  const bytes = bytesOf(`\0${text}`)
  bytes.writeUInt8(bytes.length - 1)
  return bytes
}

/** The text of a short string property. */
export const shortStringText = (bytes: Buffer): string => textFrom(bytes, 1)

/** The bytes of a property that is one octet, such as the delivery mode. */
export const octet = (value: number): Buffer => Buffer.from([value])

/** Where the headers are in the flags and fields of a content header, and what comes around them. */
export interface Layout {
  readonly flags: number
  /** Where the headers stand, or would; their table begins with its length. */
  readonly headersStart: number
  /** Equal to the start when there are none. */
  readonly headersEnd: number
  /** After the delivery mode, which comes next. */
  readonly restStart: number
}

/** Finds them without making an object of any property. @throws {RangeError} when they are cut short */
export function layoutOf(bytes: Buffer): Layout {
  const flags = bytes.readUInt16BE(0)
  const has = (property: number) => (flags & flagOf(property)) !== 0
  let offset = FLAGS_BYTES
  if (has(PROPERTY.contentType)) offset += lengthAt(PROPERTY.contentType, bytes, offset)
  if (has(PROPERTY.contentEncoding)) offset += lengthAt(PROPERTY.contentEncoding, bytes, offset)
  const headersStart = offset
  if (has(PROPERTY.headers)) offset += lengthAt(PROPERTY.headers, bytes, offset)
  const restStart = offset + (has(PROPERTY.deliveryMode) ? 1 : 0)
  if (restStart > bytes.length) throw new RangeError('the properties are cut short')
  return { flags, headersStart, headersEnd: offset, restStart }
}

/** The bit of a property among the flags. */
export const flagOf = (property: number): number => 1 << (15 - property)
