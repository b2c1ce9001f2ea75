import { after } from 'node:test'

/** Whoever can run something at the end: a test, or node:test itself for a whole file. */
export interface Ending {
  after(end: () => unknown): void
}

/**
 * Ends what a file's tests share, the last first; call it at the top level of the file. (node:test's
 * own `after`, called in a `before`, would end it before the first test.)
 */
export const endOfFile = (): Ending => lastFirst({ after })

/** Ends what is added to it with `ending`, the last first: node:test ends the first first. */
export function lastFirst(ending: Ending): Ending {
  const ends: (() => unknown)[] = []
  ending.after(async () => {
    for (const end of ends.toReversed()) await end()
  })
  return { after: (end) => void ends.push(end) }
}
