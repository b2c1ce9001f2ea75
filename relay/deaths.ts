import { editTable, integerOf, type TableEditor, textOf } from '#lib/amqp/raw-table.ts'
import { textFrom } from '#lib/amqp/raw-text.ts'

/** An entry of `x-death`: what the broker notes when it dead-letters a message. */
export interface Death {
  readonly reason: string | undefined
  /** Milliseconds since 1970. */
  readonly at: number | undefined
  readonly count: number
  /** The broker takes the property away when it dead-letters a message. */
  readonly expiration: string | undefined
  readonly exchange: string | undefined
  readonly routingKey: string | undefined
}

const ARRAY = 0x41
const TABLE = 0x46
const LONG_STRING = 0x53
/** Type tags of numbers. */
const NUMBERS = new Set(Array.from('bBsuIilLfdT', (tag) => tag.charCodeAt(0)))
const LENGTH_BYTES = 4
/** Of an array: its tag and its length. */
const ARRAY_HEAD = 1 + LENGTH_BYTES

/** The entries of `x-death`, the latest first. @throws {RangeError | TypeError} it cannot be read */
export function deathsOf(headers: TableEditor): Death[] {
  return tablesOf(headers).map((death) => {
    const seconds = integerOf(death.get('time') ?? NONE)
    return {
      reason: textOf(death.get('reason') ?? NONE),
      at: seconds === undefined ? undefined : seconds * 1000,
      count: integerOf(death.get('count') ?? NONE) ?? 1,
      expiration: textOf(death.get('original-expiration') ?? NONE),
      exchange: textOf(death.get('exchange') ?? NONE),
      routingKey: firstText(death.get('routing-keys')),
    }
  })
}

/**
 * Whether a broker may fail over this `x-death` when it has to add a death to it. Up to RabbitMQ 3.12 an
 * array with anything but tables, or with a count that is no number, ends the process that dead-letters for all
 * quorum queues of the node, for good (seen with 3.10.8). Another type than an array it replaces.
 */
export function isHarmful(headers: TableEditor): boolean {
  try {
    return !tablesOf(headers).every((death) => isNumber(death.get('count')))
  } catch {
    return true
  }
}

const NONE = Buffer.from([0])

const isNumber = (value: Buffer | undefined): boolean =>
  value === undefined || NUMBERS.has(value[0] as number)

function tablesOf(headers: TableEditor): TableEditor[] {
  const deaths = headers.get('x-death')
  if (deaths?.[0] !== ARRAY) return []
  const tables: TableEditor[] = []
  for (let at = ARRAY_HEAD; at < deaths.length; ) {
    if (deaths[at] !== TABLE) throw new TypeError('x-death holds something that is no death')
    const end = at + 1 + LENGTH_BYTES + deaths.readUInt32BE(at + 1)
    tables.push(editTable(deaths.subarray(at + 1, end)))
    at = end
  }
  return tables
}

function firstText(array: Buffer | undefined): string | undefined {
  if (array?.[0] !== ARRAY || array[ARRAY_HEAD] !== LONG_STRING) return undefined
  const start = ARRAY_HEAD + 1 + LENGTH_BYTES
  return textFrom(array, start, start + array.readUInt32BE(ARRAY_HEAD + 1))
}
