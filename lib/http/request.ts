import { isUtf8 } from 'node:buffer'

/** All values of each name, in the order in which they came. */
export type Multi = ReadonlyMap<string, readonly string[]>

/** A request as both shells (Lambda and gateway) give it to the functions. */
export interface HttpRequest {
  readonly method: string
  /** As sent, percent-encoded, beginning with `/`, without the query. */
  readonly path: string
  /** Decoded once; names are case-sensitive. */
  readonly query: Multi
  /** Names in lower case. */
  readonly headers: Multi
  readonly body: Buffer
  /** Unique; the caller sees it as the problem's `instance`, the operator in the log. */
  readonly requestId: string
}

const NONE: readonly string[] = []

/** Every value that was given for a name; none is the empty list. */
export const valuesOf = (fields: Multi, name: string): readonly string[] => fields.get(name) ?? NONE

const LATIN1 = /^[\0-\xff]*$/
const NOT_ASCII = /[^\0-\x7f]/

/**
 * The text that bytes of a request's head mean. Node hands them over as ISO-8859-1, while today's
 * clients send UTF-8 there; so bytes that are well-formed UTF-8 are read as that.
 */
export function headText(value: string): string {
  if (!NOT_ASCII.test(value) || !LATIN1.test(value)) return value
  const bytes = Buffer.from(value, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : value
}
