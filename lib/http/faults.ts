import { type ProblemItem, WarrenError } from '#lib/errors.ts'

/** At most this many are listed: a hostile request must not buy a huge answer. */
const MOST_LISTED = 100

/** Everything that is wrong with a request, so that the caller learns it all at once. */
export interface Faults {
  readonly items: readonly ProblemItem[]
  /** @param where path of the value within the request, e.g. `['query', 'priority']` */
  add(where: readonly string[], detail: string): void
}

/** An empty collection. */
export function createFaults(): Faults {
  const items: ProblemItem[] = []
  return {
    items,
    add: (where, detail) => {
      if (items.length < MOST_LISTED) items.push({ pointer: pointerTo(where), detail })
    },
  }
}

/** The `invalid-request` of a request with one fault. */
export function invalid(where: readonly string[], detail: string): WarrenError {
  return new WarrenError('invalid-request', { errors: [{ pointer: pointerTo(where), detail }] })
}

const LONGEST_NAME = 100

/** A JSON pointer as a URI fragment (RFC 6901, 6), e.g. `#/headers/AMQP-Priority`. */
export function pointerTo(where: readonly string[]): string {
  return `#${where.map((name) => `/${escapeName(name)}`).join('')}`
}

function escapeName(name: string): string {
  const short = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name
  return encodeURIComponent(short.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1'))
}
