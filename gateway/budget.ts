import { WarrenError } from '#lib/errors.ts'

/** Bytes of bodies that the gateway may hold at once, over all requests. */
export interface Budget {
  /** @throws {WarrenError} overloaded */
  take(bytes: number): void
  give(bytes: number): void
  taken(): number
}

/** @param limit in bytes. */
export function createBudget(limit: number): Budget {
  let taken = 0
  return {
    take: (bytes) => {
      if (taken + bytes > limit) throw new WarrenError('overloaded')
      taken += bytes
    },
    give: (bytes) => {
      taken -= bytes
    },
    taken: () => taken,
  }
}
