import type { Pace } from '#lib/shares.ts'
import type { Range } from './json-scan.ts'

/** So many bytes are worked on without a look at the clock: about 0.2 ms (measured: 1 to 4 ns a byte). */
const STEP = 64 * 1024

const [BACKSLASH, U] = [0x5c, 0x75]
const byteOf = (character: string) => character.charCodeAt(0)
/** For each byte the value of the hexadecimal digit that it is. */
const HEX = Uint8Array.from({ length: 256 }, (_, byte) =>
  Math.max(0, Number.parseInt(String.fromCharCode(byte), 16)),
)
/** For each letter behind a backslash the byte that both stand for. */
const ESCAPED = new Uint8Array(256)
for (const letter of '"\\/bfnrt') ESCAPED[byteOf(letter)] = byteOf(JSON.parse(`"\\${letter}"`))

/**
 * The UTF-8 of a text in a JSON text that was found well-formed; undefined when it has half a surrogate
 * pair, for which there is no UTF-8. Without an escape it is those bytes of the body, not a copy.
 * @param range what stands between the quotes
 */
export function textBytes(
  body: Buffer,
  [from, end]: Range,
  pace: Pace,
): Buffer | undefined | Promise<Buffer | undefined> {
  const raw = body.subarray(from, end)
  if (!raw.includes(BACKSLASH)) return raw
  const text: Text = { raw, out: Buffer.allocUnsafe(raw.length), at: 0, length: 0 }
  if (raw.length > STEP) return unescapeSlowly(text, pace)
  return unescapeTo(text, raw.length) ? text.out.subarray(0, text.length) : undefined
}

interface Text {
  readonly raw: Buffer
  /** Never longer than what it is made of. */
  readonly out: Buffer
  at: number
  length: number
}

async function unescapeSlowly(text: Text, pace: Pace): Promise<Buffer | undefined> {
  while (text.at < text.raw.length) {
    if (!unescapeTo(text, Math.min(text.raw.length, text.at + STEP))) return undefined
    if (pace.isDue()) await pace.next()
  }
  return text.out.subarray(0, text.length)
}

/** Goes on up to `until`, or to the end of an escape that is open there; false: half a surrogate pair. */
function unescapeTo(text: Text, until: number): boolean {
  const { raw, out } = text
  let { at, length } = text
  while (at < until) {
    const byte = raw[at] as number
    if (byte !== BACKSLASH) {
      out[length++] = byte
      at += 1
    } else if (raw[at + 1] !== U) {
      out[length++] = ESCAPED[raw[at + 1] as number] as number
      at += 2
    } else {
      const character = characterAt(raw, at)
      if (character < 0) return false
      at += character < 0x10000 ? SHORT : LONG
      length = write(out, length, character)
    }
  }
  text.at = at
  text.length = length
  return true
}

/** Bytes of `\u1234`, and of a pair of them. */
const [SHORT, LONG] = [6, 12]

/** The code point that `\u…` at `at` stands for, or that and the next one together; -1 for half a pair. */
function characterAt(raw: Buffer, at: number): number {
  const unit = unitAt(raw, at)
  if (unit < 0xd800 || unit > 0xdfff) return unit
  const isPair = unit < 0xdc00 && raw[at + SHORT] === BACKSLASH && raw[at + SHORT + 1] === U
  const low = isPair ? unitAt(raw, at + SHORT) : 0
  if (low < 0xdc00 || low > 0xdfff) return -1
  return 0x10000 + (unit - 0xd800) * 0x400 + (low - 0xdc00)
}

const digitAt = (raw: Buffer, at: number) => HEX[raw[at] as number] as number
const unitAt = (raw: Buffer, at: number) =>
  (digitAt(raw, at + 2) << 12) |
  (digitAt(raw, at + 3) << 8) |
  (digitAt(raw, at + 4) << 4) |
  digitAt(raw, at + 5)

/** Writes a code point as UTF-8 (RFC 3629, 3). @returns where the next one goes */
function write(out: Buffer, at: number, character: number): number {
  const follow = character < 0x80 ? 0 : character < 0x800 ? 1 : character < 0x10000 ? 2 : 3
  out[at] = (character >> (6 * follow)) | (FIRST[follow] as number)
  for (let left = follow - 1; left >= 0; left -= 1) {
    out[at + follow - left] = 0x80 | ((character >> (6 * left)) & 0x3f)
  }
  return at + follow + 1
}

/** The bits with which a character begins that has so many more bytes. */
const FIRST = [0, 0xc0, 0xe0, 0xf0]

/**
 * The bytes that a text of base64 stands for (RFC 4648, 4: padded, nothing else in it); undefined when
 * it is none.
 */
export function base64Bytes(
  text: Buffer,
  pace: Pace,
): Buffer | undefined | Promise<Buffer | undefined> {
  if (text.length % 4 !== 0) return undefined
  const padding = text.at(-1) !== PADDING ? 0 : text.at(-2) !== PADDING ? 1 : 2
  const out = Buffer.allocUnsafe((text.length / 4) * 3 - padding)
  const decoding = { text, end: text.length - padding, out, at: 0 }
  if (text.length > STEP) return decodeSlowly(decoding, pace)
  return decode(decoding, text.length) ? out : undefined
}

const PADDING = byteOf('=')
const DIGITS = new Uint8Array(256)
for (let byte = 0; byte < 256; byte += 1) {
  if (/[A-Za-z0-9+/]/.test(String.fromCharCode(byte))) DIGITS[byte] = 1
}

interface Decoding {
  readonly text: Buffer
  /** Where the padding begins. */
  readonly end: number
  readonly out: Buffer
  at: number
}

async function decodeSlowly(decoding: Decoding, pace: Pace): Promise<Buffer | undefined> {
  const { text, out } = decoding
  while (decoding.at < text.length) {
    // A multiple of four digits, which are three bytes.
    if (!decode(decoding, Math.min(text.length, decoding.at + STEP))) return undefined
    if (pace.isDue()) await pace.next()
  }
  return out
}

function decode(decoding: Decoding, until: number): boolean {
  const { text, end, out, at } = decoding
  for (let next = at; next < Math.min(until, end); next += 1) {
    if (DIGITS[text[next] as number] !== 1) return false
  }
  out.write(text.toString('latin1', at, until), (at / 4) * 3, 'base64')
  decoding.at = until
  return true
}
