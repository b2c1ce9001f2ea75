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
      const later = [...entries].filter(([number]) => number > lastReturned)
      const same = later.find(([, entry]) => isSame(entry, properties, body))
      if (same) lastReturned = same[0]
      for (const [, entry] of same ? [same] : later) entry.returned = true
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

const isSame = ({ sent, delivery }: Entry, properties: Buffer, body: Buffer): boolean =>
  sent?.properties.equals(properties) === true && delivery.body.equals(body)

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
