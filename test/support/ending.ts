import { after } from 'node:test'
import type { Ending } from './upstream.ts'

/**
 * Ends what a file's tests share, the last first; call it at the top level of the file. (node:test's
 * own `after`, called in a `before`, would end it before the first test.)
 */
export function endOfFile(): Ending {
  const ends: (() => Promise<void> | void)[] = []
  after(async () => {
    for (const end of ends.toReversed()) await end()
  })
  return { after: (end) => void ends.push(end) }
}
