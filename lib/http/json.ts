import { isUtf8 } from 'node:buffer'
import type { Pace } from '#lib/shares.ts'
import { type Scan, scanOn, startScan } from './json-scan.ts'

/** Objects and lists that may stand in one another: what Jackson reads by default; many read fewer. */
export const MOST_LEVELS = 1_000

/** So many bytes are checked without a look at the clock: at most 1 ms (measured: 1 to 15 ns a byte). */
export const STEP = 64 * 1024
/** The same for UTF-8 alone (measured: 0.1 to 0.3 ns a byte). */
const UTF8_STEP = 1024 * 1024

/** Why a text is no JSON, as a sentence that quotes nothing of it; undefined when it is. */
export type JsonFault = string | undefined

/**
 * Whether a body is well-formed UTF-8 JSON; a byte order mark is allowed. A short body is checked at
 * once, a longer one piece by piece.
 * @throws {WarrenError} overloaded, see {@link Pace}
 */
export const jsonFault = (body: Buffer, pace: Pace): JsonFault | Promise<JsonFault> =>
  scanFault(startScan(body, [bomBytes(body), body.length], MOST_LEVELS), pace)

/** Scans a text that was not begun with, see {@link startScan}; else as {@link jsonFault}. */
export function scanFault(scan: Scan, pace: Pace): JsonFault | Promise<JsonFault> {
  const { bytes, from, end } = scan
  if (end - from > STEP) return scanSlowly(scan, pace)
  if (!isUtf8(bytes.subarray(from, end))) return NOT_UTF8
  scanOn(scan, STEP)
  if (scan.fault === undefined) return undefined
  const place = { at: from, line: 1, column: 1 }
  count(bytes, place, scan.at)
  return sentence(scan, place)
}

async function scanSlowly(scan: Scan, pace: Pace): Promise<JsonFault> {
  const { bytes, from, end } = scan
  for (let at = from; at < end; ) {
    const next = characterEnd(bytes, at + UTF8_STEP, end)
    if (!isUtf8(bytes.subarray(at, next))) return NOT_UTF8
    at = next
    if (pace.isDue()) await pace.next()
  }
  while (scanOn(scan, STEP)) if (pace.isDue()) await pace.next()
  if (scan.fault === undefined) return undefined
  const place = { at: from, line: 1, column: 1 }
  while (place.at < scan.at) {
    count(bytes, place, Math.min(scan.at, place.at + STEP))
    if (pace.isDue()) await pace.next()
  }
  return sentence(scan, place)
}

const NOT_UTF8 = 'Must be well-formed UTF-8.'

function sentence({ fault, values, at, end, mostLevels }: Scan, { line, column }: Place): string {
  if (fault === 'too-deep') return `Must not be nested deeper than ${mostLevels} levels.`
  if (at === end && values === 0) return 'Must not be empty: JSON needs a value, e.g. null.'
  const why = at === end ? ', but it ends in the middle' : ''
  return `Must be well-formed JSON${why} (line ${line} column ${column}).`
}

/** Where a byte stands in its text: lines and columns from 1, in characters as editors and V8 count them. */
interface Place {
  at: number
  line: number
  column: number
}

/** Moves a place on to the byte at `until`; CR, LF and both together end a line. */
function count(bytes: Buffer, place: Place, until: number): void {
  let { at, line, column } = place
  for (; at < until; at += 1) {
    const byte = bytes[at] as number
    if (byte === LF || (byte === CR && bytes[at + 1] !== LF)) {
      line += 1
      column = 1
    } else if (!isContinuation(byte)) {
      // What takes four bytes in UTF-8 is two characters there.
      column += byte >= 0xf0 ? 2 : 1
    }
  }
  place.at = at
  place.line = line
  place.column = column
}

const [LF, CR] = [0x0a, 0x0d]
const isContinuation = (byte: number) => (byte & 0xc0) === 0x80

/** The next byte from `at` on, but not behind `end`, with which a character begins. */
function characterEnd(bytes: Buffer, at: number, end: number): number {
  // A character has at most three bytes behind its first.
  for (let next = at; next < at + 4 && next < end; next += 1) {
    if (!isContinuation(bytes[next] as number)) return next
  }
  return Math.min(at, end)
}

const BLANKS = new Set([0x20, 0x09, LF, CR])
const [BRACE, BRACKET] = [0x7b, 0x5b]

/** Whether the first character of a body, at most 64 KiB of blanks aside, opens a JSON object or array. */
export function opensJson(body: Buffer): boolean {
  const most = Math.min(body.length, STEP)
  for (let at = bomBytes(body); at < most; at += 1) {
    const byte = body[at] as number
    if (!BLANKS.has(byte)) return byte === BRACE || byte === BRACKET
  }
  return false
}

/** The length of a byte order mark at `at`: 3, or 0 where there is none. */
export const bomBytes = (body: Buffer, at = 0): number =>
  body[at] === 0xef && body[at + 1] === 0xbb && body[at + 2] === 0xbf ? 3 : 0
