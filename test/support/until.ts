import { setTimeout as sleep } from 'node:timers/promises'

const POLL_MS = 25

/**
 * Polls until `condition` holds, and gives what it gave.
 * @throws {Error} after `withinMs`, naming what was waited for
 */
export async function until<T>(
  what: string,
  condition: () => Promise<T> | T,
  withinMs = 15_000,
): Promise<NonNullable<T>> {
  const lastMs = performance.now() + withinMs
  for (;;) {
    const value = await condition()
    if (value) return value
    if (performance.now() > lastMs) throw new Error(`waited ${withinMs} ms in vain: ${what}`)
    await sleep(POLL_MS)
  }
}
