import { isUtf8 } from 'node:buffer'

/** A byte that is no part of UTF-8 becomes a lone surrogate, U+DC80 to U+DCFF, as with Python (PEP 383). */
const LONE = 0xdc00
const REPLACEMENT = '\ufffd'

/**
 * Text of bytes that should be UTF-8, as AMQP's short strings should: a routing key may hold anything.
 * `bytesOf` makes the same bytes of it again, whatever they are.
 */
export function textFrom(bytes: Buffer, start = 0, end = bytes.length): string {
  const text = bytes.toString('utf8', start, end)
  return text.includes(REPLACEMENT) ? textOfAny(bytes.subarray(start, end)) : text
}

function textOfAny(bytes: Buffer): string {
  let text = ''
  for (let at = 0; at < bytes.length; ) {
    const length = [1, 2, 3, 4].find((count) => isUtf8(bytes.subarray(at, at + count)))
    const end = at + Math.min(length ?? 1, bytes.length - at)
    text +=
      length === undefined
        ? String.fromCharCode(LONE + (bytes[at] as number))
        : bytes.toString('utf8', at, end)
    at = end
  }
  return text
}

/** The bytes of such a text; of any other, its UTF-8. */
export function bytesOf(text: string): Buffer {
  if (text.isWellFormed()) return Buffer.from(text)
  return Buffer.concat(
    Array.from(text, (character) => {
      const code = character.codePointAt(0) as number
      const isByte = code >= LONE + 0x80 && code <= LONE + 0xff
      return isByte ? Buffer.from([code - LONE]) : Buffer.from(character)
    }),
  )
}
