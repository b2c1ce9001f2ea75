import { bytesOf, textFrom } from './raw-text.ts'

/** One entry of a field table, as it is on the wire. */
export interface TableEntry {
  readonly name: string
  /** Name and value. */
  readonly bytes: Buffer
  /** The value's type tag and the value. */
  readonly value: Buffer
}

/** Type tags as RabbitMQ has them (amqp-0-9-1-errata, "Field types"); a table may hold any of them. */
const FIXED_BYTES: Readonly<Record<string, number>> = {
  t: 1,
  b: 1,
  B: 1,
  s: 2,
  u: 2,
  I: 4,
  i: 4,
  f: 4,
  D: 5,
  l: 8,
  L: 8,
  d: 8,
  T: 8,
  V: 0,
}
const PREFIXED = 'SxAF'
const LENGTH_BYTES = 4

/**
 * The entries of a table, which begins with its own length.
 * @throws {RangeError} when it is cut short
 * @throws {TypeError} when it holds a type tag that RabbitMQ does not know
 */
export function splitTable(table: Buffer): TableEntry[] {
  const entries: TableEntry[] = []
  const end = LENGTH_BYTES + table.readUInt32BE(0)
  if (end > table.length) throw new RangeError('the header table is cut short')
  let offset = LENGTH_BYTES
  while (offset < end) {
    const nameEnd = offset + 1 + table.readUInt8(offset)
    const valueEnd = nameEnd + 1 + valueBytes(table, nameEnd)
    if (valueEnd > end) throw new RangeError('the header table is cut short')
    entries.push({
      name: table.toString('utf8', offset + 1, nameEnd),
      bytes: table.subarray(offset, valueEnd),
      value: table.subarray(nameEnd, valueEnd),
    })
    offset = valueEnd
  }
  return entries
}

/** By type tag; UNKNOWN is no length. */
const UNKNOWN = 255
const BYTES_BY_TAG = new Uint8Array(256).fill(UNKNOWN)
for (const [tag, bytes] of Object.entries(FIXED_BYTES)) BYTES_BY_TAG[tag.charCodeAt(0)] = bytes

/** Bytes of the value whose type tag is at `offset`, without the tag. */
function valueBytes(table: Buffer, offset: number): number {
  const tag = table.readUInt8(offset)
  const fixed = BYTES_BY_TAG[tag] as number
  if (fixed !== UNKNOWN) return fixed
  const text = String.fromCharCode(tag)
  if (PREFIXED.includes(text)) return LENGTH_BYTES + table.readUInt32BE(offset + 1)
  throw new TypeError(`the header table holds the unknown type tag ${JSON.stringify(text)}`)
}

/**
 * Whether some entry's name begins with one of these bytes, found without making an object of any.
 * @param start where the entries begin, after the table's length
 * @throws {RangeError | TypeError} as splitTable
 */
export function hasNameLike(
  bytes: Buffer,
  start: number,
  end: number,
  firstBytes: readonly number[],
): boolean {
  for (let offset = start; offset < end; ) {
    if (firstBytes.includes(bytes.readUInt8(offset + 1))) return true
    const nameEnd = offset + 1 + (bytes[offset] as number)
    offset = nameEnd + 1 + valueBytes(bytes, nameEnd)
  }
  return false
}

function joinTable(entries: readonly Buffer[]): Buffer {
  const length = Buffer.allocUnsafe(LENGTH_BYTES)
  length.writeUInt32BE(entries.reduce((sum, entry) => sum + entry.length, 0))
  return Buffer.concat([length, ...entries])
}

function tableEntry(name: string, value: string | number | boolean | Buffer): Buffer {
  const nameBytes = Buffer.from(`\0${name}`)
  nameBytes.writeUInt8(nameBytes.length - 1)
  return Buffer.concat([nameBytes, Buffer.isBuffer(value) ? value : fieldValue(value)])
}

function fieldValue(value: string | number | boolean): Buffer {
  if (typeof value === 'boolean') return Buffer.from([TAG.boolean, value ? 1 : 0])
  if (typeof value === 'string') return prefixed(TAG.longString, bytesOf(value))
  const bytes = Buffer.allocUnsafe(9)
  bytes[0] = TAG.int64
  bytes.writeBigInt64BE(BigInt(value), 1)
  return bytes
}

const TAG = { boolean: 0x74, longString: 0x53, int64: 0x6c } as const

function prefixed(tag: number, content: Buffer): Buffer {
  const head = Buffer.allocUnsafe(1 + LENGTH_BYTES)
  head[0] = tag
  head.writeUInt32BE(content.length, 1)
  return Buffer.concat([head, content])
}

/** The entries of a table while it is being changed; what is not named keeps its bytes and place. */
export interface TableEditor {
  /** The value with its type tag. */
  get(name: string): Buffer | undefined
  /**
   * Replaces the entry, or adds it at the end. `value` is a text, a whole number (sent as int64), a
   * boolean, or bytes with their type tag.
   */
  set(name: string, value: string | number | boolean | Buffer): void
  /** Removes the entry and gives its value. */
  take(name: string): Buffer | undefined
  table(): Buffer
}

/**
 * @param table absent means empty
 * @throws {RangeError | TypeError} as splitTable
 */
export function editTable(table: Buffer | undefined): TableEditor {
  const entries = table === undefined ? [] : splitTable(table)
  const indexOf = (name: string) => entries.findIndex((entry) => entry.name === name)
  return {
    get: (name) => entries[indexOf(name)]?.value,
    set: (name, value) => {
      const bytes = tableEntry(name, value)
      const entry = { name, bytes, value: bytes.subarray(1 + (bytes[0] as number)) }
      const index = indexOf(name)
      if (index === -1) entries.push(entry)
      else entries[index] = entry
    },
    take: (name) => {
      const index = indexOf(name)
      return index === -1 ? undefined : entries.splice(index, 1)[0]?.value
    },
    table: () => joinTable(entries.map(({ bytes }) => bytes)),
  }
}

/** A value's text, when it is one. */
export const textOf = (value: Buffer): string | undefined =>
  value[0] === TAG.longString ? textFrom(value, 1 + LENGTH_BYTES) : undefined

/** A value's number, when it is a whole one within 2^53. */
export function integerOf(value: Buffer): number | undefined {
  const number = readInteger(value)
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined
}

function readInteger(value: Buffer): number | undefined {
  switch (String.fromCharCode(value[0] as number)) {
    case 'b':
      return value.readInt8(1)
    case 'B':
      return value.readUInt8(1)
    case 's':
      return value.readInt16BE(1)
    case 'u':
      return value.readUInt16BE(1)
    case 'I':
      return value.readInt32BE(1)
    case 'i':
      return value.readUInt32BE(1)
    case 'l':
    case 'T':
      return Number(value.readBigInt64BE(1))
    case 'L':
      return Number(value.readBigUInt64BE(1))
    default:
      return undefined
  }
}
