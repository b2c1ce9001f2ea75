import { randomFillSync } from 'node:crypto'

/** The latest id, as text; a new one is written over it, and its time only when that is another. */
const id = Buffer.from('00000000-0000-7000-8000-000000000000')
let idMs = 0

/** What one id takes of the random bytes, which are drawn for many at once. */
const RANDOM_BYTES = 11
const random = Buffer.allocUnsafeSlow(RANDOM_BYTES * 400)
let used = random.length

/**
 * A UUIDv7 (RFC 9562, 5.7): 48 bits of time, then 74 random bits. Ids of later milliseconds sort
 * after those of earlier ones.
 * @param nowMs since 1970, below 2^48
 */
export function uuidv7(nowMs: number = Date.now()): string {
  if (nowMs !== idMs) writeTime(nowMs)
  if (used === random.length) {
    randomFillSync(random)
    used = 0
  }
  // Between the bits of version and variant: 12 random ones, then 62.
  writeDigit(15, nextRandom())
  writeDigits(16, nextRandom())
  writeDigit(19, 0b1000 | (nextRandom() & 0b11))
  writeDigit(20, nextRandom())
  writeDigits(21, nextRandom())
  for (let at = 24; at < id.length; at += 2) writeDigits(at, nextRandom())
  return id.toString('latin1')
}

function writeTime(nowMs: number): void {
  const digits = nowMs.toString(16).padStart(12, '0')
  id.write(`${digits.slice(0, 8)}-${digits.slice(8)}`, 'latin1')
  idMs = nowMs
}

function nextRandom(): number {
  used += 1
  return random[used - 1] as number
}

function writeDigits(at: number, byte: number): void {
  writeDigit(at, byte >> 4)
  writeDigit(at + 1, byte)
}

/** @param value its lowest four bits count */
function writeDigit(at: number, value: number): void {
  id[at] = DIGITS[value & 0xf] as number
}

const DIGITS = Buffer.from('0123456789abcdef')
