import type { Faults } from './faults.ts'
import { shortStringFault } from './short-string.ts'

/** Nesting of a headers table, itself counted. */
const MOST_LEVELS = 16
/** Names in a headers table, those of nested objects counted. */
const MOST_NAMES = 256
/** Items of lists in a headers table, those of nested ones counted. */
const MOST_ITEMS = 1024
/** Bytes of an encoded table; amqplib's buffer for one is exactly this long. */
const TOO_MANY_BYTES = 64 * 1024
/** amqplib takes a number of this size or more for an integer, even one with a fraction. */
const INTEGERS_FROM = 2 ** 50

/** A JSON object as the headers of a message. */
export type Table = Readonly<Record<string, unknown>>

/** `x-` headers that are the caller's to set; the others steer the broker or are Warren's own. */
const OPEN_X = /^x-(delay$|match-)/
/** They send copies elsewhere (CC, BCC) or pose as the sender. */
const CLOSED = new Set(['CC', 'BCC', 'user_id'])

/** Whether a value can be the headers of a message; if not, says why in `faults`. */
export function checkTable(value: unknown, where: readonly string[], faults: Faults): boolean {
  const before = faults.count
  if (!isTable(value)) {
    faults.add(where, 'Must be a JSON object.')
    return false
  }
  const check: Check = { where: [...where], names: 0, items: 0, faults }
  checkMembers(value, 1, check)
  if (check.names > MOST_NAMES) faults.add(where, `Must have at most ${MOST_NAMES} names in all.`)
  if (check.items > MOST_ITEMS) {
    faults.add(where, `Must have at most ${MOST_ITEMS} list items in all.`)
  }
  if (faults.count > before) return false
  return fitsFrame(value, where, faults)
}

/** Whether a table of checked values is small enough to be sent; if not, says so in `faults`. */
export function fitsFrame(table: Table, where: readonly string[], faults: Faults): boolean {
  const bytes = tableBytes(table)
  if (bytes < TOO_MANY_BYTES) return true
  faults.add(where, `Must be below ${TOO_MANY_BYTES} bytes as an AMQP table; it has ${bytes}.`)
  return false
}

/** The length of an AMQP table in bytes, its own length field included, as amqplib encodes it. */
export function tableBytes(table: Table): number {
  let bytes = 4
  for (const [name, value] of Object.entries(table)) {
    bytes += 1 + Buffer.byteLength(name) + valueBytes(value)
  }
  return bytes
}

function valueBytes(value: unknown): number {
  if (typeof value === 'string') return 5 + Buffer.byteLength(value)
  if (typeof value === 'number') return 1 + numberBytes(value)
  if (typeof value === 'boolean') return 2
  if (value === null) return 1
  if (!Array.isArray(value)) return 1 + tableBytes(value as Table)
  return value.reduce((bytes: number, item) => bytes + valueBytes(item), 5)
}

function numberBytes(value: number): number {
  if (!Number.isInteger(value)) return 8
  if (value >= -0x80 && value < 0x80) return 1
  if (value >= -0x8000 && value < 0x8000) return 2
  return value >= -0x80000000 && value < 0x80000000 ? 4 : 8
}

const isTable = (value: unknown): value is Table =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const isClosed = (name: string) => CLOSED.has(name) || (name.startsWith('x-') && !OPEN_X.test(name))

/** A check under way. */
interface Check {
  /** Path of the value at hand; grows and shrinks with it. */
  readonly where: string[]
  names: number
  items: number
  readonly faults: Faults
}

function checkMembers(table: Table, level: number, check: Check): void {
  const { where, faults } = check
  for (const name of Object.keys(table)) {
    check.names += 1
    if (check.names > MOST_NAMES || faults.isEnough()) return
    where.push(name)
    checkName(name, level, check)
    checkMember(table[name], level, check)
    where.pop()
  }
}

function checkName(name: string, level: number, { where, faults }: Check): void {
  const fault = shortStringFault(name)
  if (fault !== undefined) faults.add(where, `The name: ${fault}`)
  if (level === 1 && isClosed(name)) faults.add(where, 'This header cannot be set by a caller.')
  // amqplib would read it as the name of an AMQP type for the value beside it.
  if (name === '!' && level > 1) faults.add(where, 'The name `!` cannot be carried here.')
  // A consumer written in JavaScript would lose it, and get an object with another prototype.
  if (name === '__proto__') faults.add(where, 'The name `__proto__` cannot be carried.')
}

function checkMember(value: unknown, level: number, check: Check): void {
  const { where, faults } = check
  if (typeof value === 'number' && !carriesNumber(value)) {
    faults.add(where, 'Must be a whole number within 2^53, or a fraction below 2^50.')
  } else if (typeof value === 'string' && !value.isWellFormed()) {
    faults.add(where, 'Must be well-formed Unicode.')
  } else if (typeof value === 'object' && value !== null) {
    if (level === MOST_LEVELS) faults.add(where, `Nested deeper than ${MOST_LEVELS} levels.`)
    else if (isTable(value)) checkMembers(value, level + 1, check)
    else checkItems(value as readonly unknown[], level + 1, check)
  }
}

function checkItems(items: readonly unknown[], level: number, check: Check): void {
  const { where, faults } = check
  for (const [index, item] of items.entries()) {
    check.items += 1
    if (check.items > MOST_ITEMS || faults.isEnough()) return
    where.push(String(index))
    checkMember(item, level, check)
    where.pop()
  }
}

const carriesNumber = (value: number) =>
  Number.isSafeInteger(value) || (!Number.isInteger(value) && Math.abs(value) < INTEGERS_FROM)
