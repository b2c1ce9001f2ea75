import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'

interface Codec {
  encodeTable(buffer: Buffer, table: object, offset: number): number
  decodeFields(bytes: Buffer): Record<string, unknown>
}

interface Definitions {
  readonly BasicProperties: number
  encodeProperties(id: number, channel: number, bodyBytes: number, properties: object): Buffer
}

const require = createRequire(import.meta.url)
// amqplib does not export its codec.
const inAmqplib = (file: string) => require(join(dirname(require.resolve('amqplib')), 'lib', file))
const codec: Codec = inAmqplib('codec.js')
const definitions: Definitions = inAmqplib('defs.js')
/** As long as amqplib's own buffer for a table. */
const BUFFER_BYTES = 65_536
const LENGTH_BYTES = 4

/** What amqplib makes of a headers table. @throws {RangeError | TypeError} what it cannot encode */
export function encodeTable(table: object): Buffer {
  const buffer = Buffer.alloc(BUFFER_BYTES)
  return buffer.subarray(0, codec.encodeTable(buffer, table, 0))
}

/** What a consumer with amqplib gets for these bytes. */
export const decodeTable = (bytes: Buffer): Record<string, unknown> =>
  codec.decodeFields(bytes.subarray(LENGTH_BYTES))

/** Of a frame: type, channel, size; class, weight, body size. */
const BEFORE_PROPERTIES_BYTES = 7 + 12

/** What amqplib makes of the properties of a message: the flags and fields of a content header. */
export const encodeHeader = (properties: object): Buffer =>
  definitions
    .encodeProperties(definitions.BasicProperties, 1, 0, properties)
    .subarray(BEFORE_PROPERTIES_BYTES, -1)
