import { type ProblemItem, WarrenError } from '#lib/errors.ts'

/** At most this many are listed, over all messages of a request: nobody may buy a huge answer. */
export const MOST_LISTED = 100

/** Faults that a request may still list. */
export interface Listing {
  left: number
}

/** Everything that is wrong with a message, so that the caller learns it all at once. */
export interface Faults {
  /** Those that are listed; there may be more. */
  readonly items: readonly ProblemItem[]
  /** Of all, listed or not. */
  readonly count: number
  /** There are some, and no more will be listed: nobody need look for others. */
  isEnough(): boolean
  /** @param where path of the value within the request, e.g. `['query', 'priority']` */
  add(where: readonly string[], detail: string): void
}

/** An empty collection. @param listing shared by all messages of a request */
export function createFaults(listing: Listing = { left: MOST_LISTED }): Faults {
  return new FaultList(listing)
}

class FaultList implements Faults {
  readonly items: ProblemItem[] = []
  count = 0
  readonly #listing: Listing

  constructor(listing: Listing) {
    this.#listing = listing
  }

  isEnough(): boolean {
    return this.count > 0 && this.#listing.left === 0
  }

  add(where: readonly string[], detail: string): void {
    this.count += 1
    if (this.#listing.left === 0) return
    this.#listing.left -= 1
    this.items.push({ pointer: pointerTo(where), detail })
  }
}

/** The error of a message with faults; it says so when there was no room to list them. */
export function refusal(
  code: 'invalid-request' | 'malformed-json',
  { items: errors }: Faults,
  messageId?: string,
): WarrenError {
  const known = messageId === undefined ? {} : { messageId }
  return new WarrenError(code, { ...known, ...(errors.length > 0 ? { errors } : NOT_LISTED) })
}

const NOT_LISTED = {
  detail: `${MOST_LISTED} faults were listed before this one. Correct those first, or send this message alone to learn what is wrong with it.`,
}

/** The `invalid-request` of a request with one fault. */
export function invalid(where: readonly string[], detail: string): WarrenError {
  return new WarrenError('invalid-request', { errors: [{ pointer: pointerTo(where), detail }] })
}

const LONGEST_NAME = 100
/** Longer than any of names that a person would give. */
const LONGEST_POINTER = 1000

/**
 * A JSON pointer as a URI fragment (RFC 6901, 6), e.g. `#/headers/AMQP-Priority`. One that is too long
 * ends at the last value around that fits.
 */
export function pointerTo(where: readonly string[]): string {
  let pointer = '#'
  for (const name of where) {
    const longer = `${pointer}/${escapeName(name)}`
    if (longer.length > LONGEST_POINTER) break
    pointer = longer
  }
  return pointer
}

function escapeName(name: string): string {
  const short = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name
  return encodeURIComponent(short.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'))
}
