/** A String of RFC 9651 (structured fields), 3.3.3: printable ASCII, `"` and `\` escaped by `\`. */
const QUOTED = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/

/**
 * The key that an `Idempotency-Key` header means: quoted as the IETF draft writes it, or bare as
 * most callers do. Undefined when it opens with a quote but is not a well-formed string.
 */
export function readIdempotencyKey(value: string): string | undefined {
  if (!value.startsWith('"')) return value
  return QUOTED.exec(value)?.[1]?.replaceAll(/\\(["\\])/g, '$1')
}
