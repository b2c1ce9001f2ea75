import { joinProperties, PROPERTY, splitProperties } from '#lib/amqp/raw-properties.ts'
import { splitTable } from '#lib/amqp/raw-table.ts'
import { bytesOf } from '#lib/amqp/raw-text.ts'
import type { Entry } from './window.ts'

/** The entries that are written to the publishing channel and unconfirmed; see Window. */
export interface Unconfirmed {
  add(entry: Entry, number: number, properties: Buffer): void
  settle(number: number, multiple: boolean): Entry[]
  markReturned(properties: Buffer, body: Buffer): void
  /** Forgets them and gives them, in order. */
  clear(): Entry[]
  size(): number
}

export function createUnconfirmed(): Unconfirmed {
  /** By number, which is also their order. */
  const entries = new Map<number, Entry>()
  let lastReturned = 0
  return {
    add: (entry, number, properties) => {
      entry.state = 'sent'
      entry.sent = { number, properties }
      entry.returned = false
      entries.set(number, entry)
    },
    settle: (number, multiple) => {
      const settled = multiple ? upTo(entries, number) : one(entries, number)
      for (const { sent } of settled) entries.delete(sent?.number as number)
      return settled
    },
    markReturned: (properties, body) => {
      // The broker returns messages in the order in which they were published.
      const later = [...entries.values()].filter(({ sent }) => numberOf(sent) > lastReturned)
      const returned = whichReturned(later, properties, body)
      if (returned.length < later.length) lastReturned = numberOf(returned[0]?.sent)
      for (const entry of returned) entry.returned = true
    },
    clear: () => {
      const all = [...entries.values()]
      entries.clear()
      lastReturned = 0
      return all
    },
    size: () => entries.size,
  }
}

const numberOf = (sent: Entry['sent']): number => sent?.number ?? 0

/** One that is the same; else all that may be: see Window. */
function whichReturned(
  later: readonly Entry[],
  properties: Buffer,
  body: Buffer,
): readonly Entry[] {
  const withBody = later.filter(({ delivery }) => delivery.body.equals(body))
  const same = (form: (properties: Buffer) => Buffer) => {
    const wanted = form(properties)
    return withBody.filter(({ sent }) => sent && form(sent.properties).equals(wanted))
  }
  for (const form of [asTheyAre, withSortedHeaders]) {
    const [first] = same(form)
    if (first) return [first]
  }
  const alike = same(withoutHeaders)
  return alike.length > 0 ? alike : later
}

const asTheyAre = (properties: Buffer) => properties

/** RabbitMQ 4 gives headers back in the order of their names, and a type of its own for another. */
function withSortedHeaders(properties: Buffer): Buffer {
  const split = splitProperties(properties)
  const table = split[PROPERTY.headers]
  if (table === undefined) return properties
  const entries = splitTable(table).map(({ name, value }) => {
    const tag = value[0] === UNSIGNED_INT64 ? SIGNED_INT64 : (value[0] as number)
    return Buffer.concat([bytesOf(name), Buffer.from([0, tag]), value.subarray(1)])
  })
  split[PROPERTY.headers] = Buffer.concat(entries.toSorted(Buffer.compare))
  return joinProperties(split)
}

/** Of type tags. */
const UNSIGNED_INT64 = 'L'.charCodeAt(0)
const SIGNED_INT64 = 'l'.charCodeAt(0)

function withoutHeaders(properties: Buffer): Buffer {
  return joinProperties(splitProperties(properties).with(PROPERTY.headers, undefined))
}

function one(entries: ReadonlyMap<number, Entry>, number: number): Entry[] {
  const entry = entries.get(number)
  return entry === undefined ? [] : [entry]
}

function upTo(entries: ReadonlyMap<number, Entry>, number: number): Entry[] {
  const settled: Entry[] = []
  for (const [candidate, entry] of entries) {
    if (candidate > number) break
    settled.push(entry)
  }
  return settled
}
