/** What a scan tells of the outer levels of a text; level 0 is the value that is the whole of it. */
export interface Watcher {
  /** The deepest level that it is told of; deeper ones cost nothing. */
  readonly levels: number
  /** A value begins at byte `from`. */
  began(level: number, from: number): void
  /** The value that began last on this level ends before byte `to`. */
  ended(level: number, to: number): void
  /** The name of a member, quotes included; its value begins next on this level. */
  named(level: number, from: number, to: number): void
}

/** The bytes from the first to before the second. */
export type Range = readonly [from: number, end: number]

/** How far the check of a text has come. {@link scanOn} goes on with it. */
export interface Scan {
  readonly bytes: Buffer
  readonly from: number
  readonly end: number
  /** Objects and lists that may be open at once. */
  readonly mostLevels: number
  readonly watcher: Watcher | undefined
  /** The watcher's levels; -1 without one. */
  readonly watched: number
  /** The next byte; of a text that is refused, the one at which it went wrong. */
  at: number
  /** Why the text is refused: it is no JSON, or nested deeper than allowed. */
  fault: 'malformed' | 'too-deep' | undefined
  /** Values so far: members of objects, items of lists, and the whole. */
  values: number
  /** The deepest level so far; whoever watches may set it back. */
  deepest: number
  /** Whoever watches may set it: he has seen enough, and the rest is not read. */
  stopped: boolean
  state: number
  /** Of each open object or list, whether it is an object. */
  readonly open: boolean[]
  /** The text that is open is a member's name. */
  isName: boolean
  nameFrom: number
}

/**
 * Begins to check that the bytes from `from` to `end` are one JSON text, as strictly as `JSON.parse`.
 * No value is made: memory is a flag for each open level. That they are UTF-8 is for others to check,
 * and a byte order mark is not JSON.
 */
export function startScan(
  bytes: Buffer,
  [from, end]: Range,
  mostLevels: number,
  watcher?: Watcher,
): Scan {
  return {
    bytes,
    from,
    end,
    mostLevels,
    watcher,
    watched: watcher?.levels ?? -1,
    at: from,
    fault: undefined,
    values: 0,
    deepest: 0,
    stopped: false,
    state: VALUE_COMES,
    open: [],
    isName: false,
    nameFrom: 0,
  }
}

/** Reads at most `most` bytes more; false when there is nothing left to read: then look at `fault`. */
export function scanOn(scan: Scan, most: number): boolean {
  read(scan, Math.min(scan.end, scan.at + most))
  if (scan.fault !== undefined || scan.stopped) return false
  if (scan.at < scan.end) return true
  finish(scan)
  return false
}

const BLANK = ' \t\r\n'
const DIGIT = '0123456789'
const HEX = '0123456789abcdefABCDEF'
/** All that stands for itself between quotes: no quote, no escape, no control character. */
const PLAIN = Array.from({ length: 256 }, (_, byte) => String.fromCharCode(byte))
  .filter((byte) => byte >= ' ' && byte !== '"' && byte !== '\\')
  .join('')
const VALUE = {
  '"': 'text!begin',
  '{': 'firstName!openObject',
  '[': 'firstItem!openList',
  '-': 'minus!begin',
  '0': 'zero!begin',
  '123456789': 'whole!begin',
  t: 't!begin',
  f: 'f!begin',
  n: 'n!begin',
}
/** Nothing ends a number but the byte behind it, which is then read once more. */
const NUMBER_ENDS = { [`${BLANK},]}`]: 'next!endNumber' }

/**
 * The grammar of JSON (RFC 8259), byte by byte: for each state the bytes that may come, the state that
 * each leads to and, behind `!`, what else it does. A byte that is not named is wrong.
 */
const GRAMMAR: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  wrong: {},
  value: { [BLANK]: 'value', ...VALUE },
  firstItem: { [BLANK]: 'firstItem', ...VALUE, ']': 'next!closeList' },
  firstName: { [BLANK]: 'firstName', '"': 'text!openName', '}': 'next!closeObject' },
  name: { [BLANK]: 'name', '"': 'text!openName' },
  colon: { [BLANK]: 'colon', ':': 'value' },
  next: { [BLANK]: 'next', ',': 'value!comma', ']': 'next!closeList', '}': 'next!closeObject' },
  text: { [PLAIN]: 'text', '"': 'next!closeText', '\\': 'escape' },
  escape: { '"\\/bfnrt': 'text', u: 'hex1' },
  hex1: { [HEX]: 'hex2' },
  hex2: { [HEX]: 'hex3' },
  hex3: { [HEX]: 'hex4' },
  hex4: { [HEX]: 'text' },
  minus: { '0': 'zero', '123456789': 'whole' },
  zero: { '.': 'point', eE: 'power', ...NUMBER_ENDS },
  whole: { [DIGIT]: 'whole', '.': 'point', eE: 'power', ...NUMBER_ENDS },
  point: { [DIGIT]: 'fraction' },
  fraction: { [DIGIT]: 'fraction', eE: 'power', ...NUMBER_ENDS },
  power: { '+-': 'sign', [DIGIT]: 'exponent' },
  sign: { [DIGIT]: 'exponent' },
  exponent: { [DIGIT]: 'exponent', ...NUMBER_ENDS },
  t: { r: 'tr' },
  tr: { u: 'tru' },
  tru: { e: 'next!endWord' },
  f: { a: 'fa' },
  fa: { l: 'fal' },
  fal: { s: 'fals' },
  fals: { e: 'next!endWord' },
  n: { u: 'nu' },
  nu: { l: 'nul' },
  nul: { l: 'next!endWord' },
}

const STATES = Object.keys(GRAMMAR)
const stateOf = (name: string) => STATES.indexOf(name)
const WRONG = stateOf('wrong')
const VALUE_COMES = stateOf('value')
const NAME_COMES = stateOf('name')
const COLON_COMES = stateOf('colon')
const VALUE_IS_OVER = stateOf('next')
const NUMBER_MAY_END = new Set(['zero', 'whole', 'fraction', 'exponent'].map(stateOf))

const BEGIN = 1
const OPEN_NAME = 2
const CLOSE_TEXT = 3
const END_WORD = 4
const END_NUMBER = 5
const COMMA = 6
const OPEN_OBJECT = 7
const OPEN_LIST = 8
const CLOSE_OBJECT = 9
const CLOSE_LIST = 10
const ACTIONS: Readonly<Record<string, number>> = {
  ...{ begin: BEGIN, openName: OPEN_NAME, closeText: CLOSE_TEXT, endWord: END_WORD },
  ...{ endNumber: END_NUMBER, comma: COMMA, openObject: OPEN_OBJECT, openList: OPEN_LIST },
  ...{ closeObject: CLOSE_OBJECT, closeList: CLOSE_LIST },
}

/** For each state and byte: the next state, and in the bits above its 8 what else the byte does. 0 is wrong. */
const TABLE = new Uint16Array(STATES.length << 8)
for (const [from, moves] of Object.values(GRAMMAR).entries()) {
  for (const [bytes, move] of Object.entries(moves)) {
    const [to = '', action = ''] = move.split('!')
    const code = ((ACTIONS[action] ?? 0) << 8) | stateOf(to)
    for (const byte of Buffer.from(bytes, 'latin1')) TABLE[(from << 8) | byte] = code
  }
}

/** The hot loop: a look into the table for each byte, and more only for a byte that does something. */
function read(scan: Scan, until: number): void {
  const { bytes, open, watched } = scan
  let { at, state } = scan
  while (at < until) {
    const row = state << 8
    let move = TABLE[row | (bytes[at] as number)] as number
    // Through texts, digits and blanks, which change nothing.
    while (move === state && ++at < until) move = TABLE[row | (bytes[at] as number)] as number
    if (at === until) break
    state = move & 0xff
    if (state === WRONG) break
    if (move > 0xff) {
      const action = move >> 8
      const level = open.length
      if (action === COMMA) {
        if (level === 0) state = WRONG
        else if (open[level - 1] === true) state = NAME_COMES
      } else if (action >= OPEN_OBJECT) {
        state = nest(scan, action, state, at)
      } else if (action === OPEN_NAME) {
        scan.isName = true
        scan.nameFrom = at
      } else if (action === CLOSE_TEXT && scan.isName) {
        scan.isName = false
        state = COLON_COMES
        if (level <= watched) scan.watcher?.named(level, scan.nameFrom, at + 1)
      } else if (action === BEGIN) {
        scan.values += 1
        if (level <= watched) scan.watcher?.began(level, at)
      } else if (level <= watched) {
        scan.watcher?.ended(level, action === END_NUMBER ? at : at + 1)
      }
      if (action === END_NUMBER) continue
      if (state === WRONG || scan.stopped) break
    }
    at += 1
  }
  if (state === WRONG) scan.fault ??= 'malformed'
  scan.at = at
  scan.state = state
}

/** An object or a list opens or closes. @returns the next state */
function nest(scan: Scan, action: number, next: number, at: number): number {
  const { open, watcher, watched } = scan
  if (action >= CLOSE_OBJECT) {
    if (open.length === 0 || open.pop() !== (action === CLOSE_OBJECT)) return WRONG
    if (open.length <= watched) watcher?.ended(open.length, at + 1)
    return next
  }
  if (open.length === scan.mostLevels) {
    scan.fault = 'too-deep'
    return WRONG
  }
  scan.values += 1
  if (open.length <= watched) watcher?.began(open.length, at)
  open.push(action === OPEN_OBJECT)
  if (open.length > scan.deepest) scan.deepest = open.length
  return next
}

/** The text is over: whether it is complete. */
function finish(scan: Scan): void {
  if (NUMBER_MAY_END.has(scan.state)) {
    scan.state = VALUE_IS_OVER
    if (scan.watched >= 0) scan.watcher?.ended(0, scan.at)
  }
  if (scan.state !== VALUE_IS_OVER || scan.open.length > 0) scan.fault = 'malformed'
}
