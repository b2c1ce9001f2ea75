import { type Range, type Scan, startScan, type Watcher } from './json-scan.ts'

/** One message of a batch: well-formed JSON somewhere in the body, of which no value was made. */
export interface Item {
  readonly from: number
  readonly end: number
  /** The value of its member `payload`; undefined when it has none, or is no object. */
  readonly payload: Range | undefined
  /** It has more than one member `payload`. */
  readonly payloadTwice: boolean
  /** Members of its own. */
  readonly members: number
  /** Members and list items in it, on all levels. */
  readonly values: number
  /** Objects and lists in one another, itself counted. */
  readonly levels: number
}

/** What is too much in a batch. */
export interface CutLimits {
  /** Objects and lists in one another. */
  readonly levels: number
  readonly items: number
  /** The text is one message, whatever it is. @default false */
  readonly isLine?: boolean
}

type Draft = { -readonly [K in keyof Item]: Item[K] }

const draft = (from: number): Draft => ({
  from,
  end: from,
  payload: undefined,
  payloadTwice: false,
  members: 0,
  values: 0,
  levels: 0,
})

const BRACKET = 0x5b

/**
 * Takes a batch apart while it is scanned. The scan stops at the first message that is too many: the
 * batch is refused then, whatever follows.
 */
export class Cut implements Watcher {
  /** Of members of a message in `{"messages": [{…}]}`. */
  readonly levels = 3
  readonly scan: Scan
  /** What is outside of any list, as if it were a message alone. */
  readonly whole: Item
  /** The messages of the list, in their order. */
  readonly items: Item[] = []
  /** Whether the list of messages is the whole, or its member `messages`; undefined: there is none. */
  list: 'whole' | 'messages' | undefined
  readonly #body: Buffer
  readonly #limits: CutLimits
  /** The message at hand, and the level that messages are on. */
  #item: Draft
  #level = 0
  /** The member at hand, if it is one that matters, and where its value begins. */
  #member: 'payload' | 'messages' | undefined
  #valueFrom = 0

  constructor(body: Buffer, range: Range, limits: CutLimits) {
    this.#body = body
    this.#limits = limits
    this.#item = draft(range[0])
    this.whole = this.#item
    this.scan = startScan(body, range, limits.levels, this)
  }

  began(level: number, from: number): void {
    const isList = this.#body[from] === BRACKET && !this.#limits.isLine
    if (level === this.#level && level > 0) {
      this.#open(from)
    } else if (level === 0 && isList) {
      this.#level = 1
      this.list = 'whole'
    } else if (level === this.#level + 1 && this.#member === 'messages' && isList) {
      this.#level = 2
      this.list = 'messages'
    } else if (level === this.#level + 1) {
      this.#valueFrom = from
    }
  }

  #open(from: number): void {
    const { scan, items } = this
    this.#item = draft(from)
    this.#item.values = -scan.values
    scan.deepest = this.#level
    items.push(this.#item)
    if (items.length > this.#limits.items) scan.stopped = true
  }

  ended(level: number, to: number): void {
    const item = this.#item
    if (level === this.#level) {
      item.end = to
      item.values += this.scan.values
      item.levels = this.scan.deepest - level
    } else if (level < this.#level) {
      // The list is over; what follows are members of the whole.
      this.#level = 0
      this.#item = this.whole
    } else if (level > this.#level + 1) {
      return // Something within a member.
    } else if (this.#member === 'payload') {
      item.payload = [this.#valueFrom, to]
    }
    this.#member = undefined
  }

  named(level: number, from: number, to: number): void {
    if (level !== this.#level + 1) return
    const item = this.#item
    item.members += 1
    if (isName(this.#body, from, to, 'payload')) {
      item.payloadTwice ||= item.payload !== undefined
      this.#member = 'payload'
    } else if (this.#mayHaveMessages() && isName(this.#body, from, to, 'messages')) {
      this.#member = 'messages'
    }
  }

  #mayHaveMessages(): boolean {
    return this.#level === 0 && !this.#limits.isLine
  }
}

/** A text in JSON may be written in many ways; the longest writes each character as `\u0061`. */
const LONGEST_ESCAPE = 6

/** @param from of the text with its quotes, which was found well-formed */
function isName(body: Buffer, from: number, to: number, name: string): boolean {
  const length = to - from - 2
  if (length < name.length || length > name.length * LONGEST_ESCAPE) return false
  if (length === name.length) return body.toString('latin1', from + 1, to - 1) === name
  if (!body.subarray(from, to).includes('\\')) return false
  return JSON.parse(body.toString('utf8', from, to)) === name
}
