/** What the caller of an id was told: `acked` (2xx), `refused` (not-published), or anything else. */
export type Told = 'acked' | 'refused' | 'unknown'

const CODE = { never: 0, underWay: 1, acked: 2, refused: 3, unknown: 4 } as const
const MOST_COUNTED = 65_535

/** Counts in the words of RabbitMQ's own Jepsen suite (its `total-queue` checker). */
export interface Account {
  /** Ids whose publication was begun. */
  readonly attempted: number
  readonly acknowledged: number
  /** Answered `not-published`. */
  readonly refused: number
  /** Answered `unknown` or `partial`, or not answered by Warren at all. */
  readonly unknown: number
  /** Different ids that arrived. */
  readonly delivered: number
  /** Acknowledged, and never arrived. */
  readonly lost: number
  /** Refused, and arrived all the same. */
  readonly refusedDelivered: number
  /** Unknown, and arrived. */
  readonly recovered: number
  /** Ids that arrived more than once. */
  readonly duplicated: number
  /** Messages that nobody published like this: an unknown id, a changed body, the wrong queue. */
  readonly unexpected: number
}

/** What became of each id from 0 to `size` - 1: what its caller was told, and how often it arrived. */
export class Ledger {
  readonly #told: Uint8Array
  readonly #arrived: Uint16Array
  #underWay = 0
  #unexpected = 0

  constructor(size: number) {
    this.#told = new Uint8Array(size)
    this.#arrived = new Uint16Array(size)
  }

  /** Publications that were begun and are not answered. */
  get underWay(): number {
    return this.#underWay
  }

  begun(id: number): void {
    this.#told[id] = CODE.underWay
    this.#underWay += 1
  }

  answered(id: number, told: Told): void {
    this.#told[id] = CODE[told]
    this.#underWay -= 1
  }

  /** @param again whether the queue says that it has delivered this copy before */
  arrived(id: number, again: boolean): void {
    const before = this.#arrived[id]
    if (before === undefined || this.#told[id] === CODE.never) this.#unexpected += 1
    else if (before === 0 || !again) this.#arrived[id] = Math.min(before + 1, MOST_COUNTED)
  }

  arrivedUnexpected(): void {
    this.#unexpected += 1
  }

  /** Acknowledged ids that have not arrived yet. */
  owed(): number {
    return this.#count((told, arrived) => told === CODE.acked && arrived === 0)
  }

  account(): Account {
    const all = (code: number) => this.#count((told) => told === code)
    const arrivedOf = (code: number) => this.#count((told, n) => told === code && n > 0)
    return {
      attempted: this.#count((told) => told !== CODE.never),
      acknowledged: all(CODE.acked),
      refused: all(CODE.refused),
      unknown: all(CODE.unknown),
      delivered: this.#count((_, arrived) => arrived > 0),
      lost: this.owed(),
      refusedDelivered: arrivedOf(CODE.refused),
      recovered: arrivedOf(CODE.unknown),
      duplicated: this.#count((_, arrived) => arrived > 1),
      unexpected: this.#unexpected,
    }
  }

  #count(holds: (told: number, arrived: number) => boolean): number {
    let count = 0
    for (let id = 0; id < this.#told.length; id += 1) {
      if (holds(this.#told[id] as number, this.#arrived[id] as number)) count += 1
    }
    return count
  }
}
