/** What an AMQP short string holds, in bytes of UTF-8: names of exchanges, routing keys, most properties. */
export const SHORT_STRING_BYTES = 255

/** Why a value is no AMQP short string of at least `minBytes`, if it is none. */
export function shortStringFault(value: unknown, minBytes = 0): string | undefined {
  if (typeof value !== 'string') return 'Must be a text.'
  if (!value.isWellFormed()) return 'Must be well-formed Unicode.'
  const bytes = Buffer.byteLength(value)
  if (bytes < minBytes) return 'Must not be empty.'
  if (bytes <= SHORT_STRING_BYTES) return undefined
  return `Must be at most ${SHORT_STRING_BYTES} bytes of UTF-8; it has ${bytes}.`
}
