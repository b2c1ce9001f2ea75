import { setTimeout as sleep } from 'node:timers/promises'

const TICK_MS = 10

/**
 * Hands out the ids 0, 1, 2, … to callers, not faster than it is told: a fault must meet messages under
 * way, and may not use them up while nothing can be published.
 */
export class Pace {
  readonly #end: number
  #next = 0
  #from = 0
  #to = 0
  #sinceMs = 0
  /** In which about two thirds of the way are gone; 0: at once. */
  #constantMs = 0
  #held = false
  readonly #waiting: ((id: number | undefined) => void)[] = []
  readonly #timer: NodeJS.Timeout

  /** @param end one more than the last id */
  constructor(end: number) {
    this.#end = end
    this.#timer = setInterval(() => this.#release(), TICK_MS)
  }

  /** The next id, when it is its turn; undefined when there is none any more. */
  next(): Promise<number | undefined> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve)
      if (this.#next >= this.#end) this.#release()
    })
  }

  /** Lets the ids below `to` go as fast as they can, and resolves when they have gone. */
  async run(to: number): Promise<void> {
    this.#set(to, 0)
    while (this.#next < to) await sleep(TICK_MS)
  }

  /** Lets the ids below `to` go, fewer and fewer: two thirds in `seconds`, all of them never. */
  trickle(to: number, seconds: number): void {
    this.#set(to, seconds * 1000)
  }

  /** Nothing is begun until {@link resume}. */
  hold(): void {
    this.#held = true
  }

  resume(): void {
    this.#held = false
  }

  /** Whoever waits, or comes, is told that there are no more. */
  stop(): void {
    clearInterval(this.#timer)
    this.#next = this.#end
    this.#release()
  }

  #set(to: number, constantMs: number): void {
    this.#from = this.#next
    this.#to = to
    this.#constantMs = constantMs
    this.#sinceMs = performance.now()
  }

  #allowed(): number {
    if (this.#held) return this.#next
    if (this.#constantMs === 0) return this.#to
    const gone = 1 - Math.exp((this.#sinceMs - performance.now()) / this.#constantMs)
    return this.#from + Math.floor((this.#to - this.#from) * gone)
  }

  #release(): void {
    const allowed = this.#allowed()
    while (this.#waiting.length > 0 && this.#next < allowed) this.#waiting.shift()?.(this.#next++)
    if (this.#next < this.#end) return
    for (const resolve of this.#waiting.splice(0)) resolve(undefined)
  }
}
