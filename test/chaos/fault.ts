import type { World } from './world.ts'

/** A fault that could not be applied, or that changed nothing: the run proves nothing. */
export class NothingHappened extends Error {
  override readonly name = 'NothingHappened'
}

/** Whoever had to make a fault good has not: what was promised does not hold. */
export class NotRepaired extends Error {
  override readonly name = 'NotRepaired'
}

/** What was drawn for one fault before the run began, so that a seed gives the same faults again. */
export interface Draw {
  /** How long it lasts, where it lasts. */
  readonly seconds: number
  /** One of these. */
  pick<T>(all: readonly T[]): T
}

/** Something that goes wrong in reality. */
export interface Fault {
  readonly name: string
  /** About how long it takes beside the time that is drawn, in seconds. @default 4 */
  readonly takesS?: number
  /**
   * Does it, and undoes it.
   * @returns what shows that it did something
   * @throws {NothingHappened} or anything else when it could not be applied; {NotRepaired}
   */
  happen(world: World, draw: Draw): Promise<string>
}

export interface PlannedFault extends Draw {
  readonly fault: Fault
}

/** In seconds: shorter than any time-out of ours, and longer than some. */
const LEAST_S = 0.5
const MOST_S = 5

/**
 * Draws `count` faults: all of them in a random order, then all again, so that a run has as many kinds
 * as it can have.
 * @param random from 0 to 1
 */
export function plan(
  faults: readonly Fault[],
  count: number,
  random: () => number,
): PlannedFault[] {
  const drawn: PlannedFault[] = []
  let left: Fault[] = []
  while (drawn.length < count) {
    if (left.length === 0) left = [...faults]
    const [fault] = left.splice(Math.floor(random() * left.length), 1) as [Fault]
    const seconds = LEAST_S + random() * (MOST_S - LEAST_S)
    const which = random()
    const pick = <T>(all: readonly T[]) => all[Math.floor(which * all.length)] as T
    drawn.push({ fault, seconds, pick })
  }
  return drawn
}
