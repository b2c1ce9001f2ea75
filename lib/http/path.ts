import { WarrenError } from '#lib/errors.ts'
import { invalid } from './faults.ts'
import { headText } from './request.ts'
import { SHORT_STRING_BYTES } from './short-string.ts'

// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is its purpose.
const CONTROL = /[\0-\x1f\x7f]/

/** Nothing to decode and nothing to refuse: segments of letters, digits, `_` and `-`, dots within them. */
const PLAIN = /^(?:\/[\w-][\w.-]*)+$/

/**
 * A raw path, percent-decoded exactly once, without one trailing raw `/`.
 * @throws {WarrenError} invalid-request: malformed percent-encoding or a `%` left after decoding
 * (encoded twice), a dot segment or an empty segment, encoded or not (proxies before us resolve
 * them, each in its own way), or a control character (the broker strips some)
 */
export function decodePath(path: string): string {
  if (PLAIN.test(path)) return path
  const whole = decodeOnce(path)
  if (whole.includes('%')) throw badPath('has a `%` left after decoding: it was encoded twice')
  if (whole.includes('//')) throw badPath('has an empty segment (`//`)')
  if (whole.split('/').some(isDots)) throw badPath('has a dot segment (`.` or `..`)')
  if (CONTROL.test(whole)) throw badPath('has a control character')
  return path.endsWith('/') ? whole.slice(0, -1) : whole
}

/**
 * The name of the exchange: all that follows `prefix` in a raw path.
 * @param prefix as it must be sent; nothing in it needs encoding
 * @throws {WarrenError} invalid-request as {@link decodePath} does, or over 255 bytes;
 * not-found when it is empty, so that nothing is ever published to the default exchange
 */
export function exchangeIn(path: string, prefix: string): string {
  const decoded = decodePath(path)
  const name = path.startsWith(prefix) ? decoded.slice(prefix.length) : ''
  if (name === '') throw new WarrenError('not-found')
  if (Buffer.byteLength(name) > SHORT_STRING_BYTES) {
    throw badPath(`names an exchange of more than ${SHORT_STRING_BYTES} bytes`)
  }
  return name
}

/** The error of a path that cannot be used. @param detail follows "The path" */
export const badPath = (detail: string): WarrenError => invalid(['path'], `The path ${detail}.`)

function decodeOnce(path: string): string {
  try {
    const decoded = decodeURIComponent(headText(path))
    if (decoded.isWellFormed()) return decoded
  } catch {
    // Malformed: the same answer as a lone surrogate gets.
  }
  throw badPath('is not well-formed percent-encoded UTF-8')
}

const isDots = (segment: string) => segment === '.' || segment === '..'
