import { isUtf8 } from 'node:buffer'

const BLANKS = new Set([0x20, 0x09, 0x0a, 0x0d])
const [BRACE, BRACKET] = [0x7b, 0x5b]
/** Where V8 says the text went wrong; the rest of its message quotes the body. */
const PLACE = /line \d+ column \d+/

/** A JSON value, or why there is none, as a sentence that quotes nothing of the text. */
export type Parsed = { readonly value: unknown } | { readonly fault: string }

/**
 * Reads well-formed UTF-8 JSON; a byte order mark is allowed. Never recurses, however deep the nesting.
 */
export function parseJson(body: Buffer): Parsed {
  if (!isUtf8(body)) return { fault: 'Must be well-formed UTF-8.' }
  return parseText(withoutBom(body).toString('utf8'))
}

function parseText(text: string): Parsed {
  if (text.trim() === '') return { fault: 'Must not be empty: JSON needs a value, e.g. null.' }
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    const place = PLACE.exec(error instanceof Error ? error.message : '')
    return { fault: `Must be well-formed JSON${place === null ? '' : ` (${place[0]})`}.` }
  }
}

/**
 * Why a body is not well-formed JSON; undefined when it is.
 * @param text the body as a text, if somebody has that already: decoding it once more takes time
 */
export function jsonFault(body: Buffer, text?: string): string | undefined {
  const parsed = text === undefined ? parseJson(body) : parseText(text.replace(BOM, ''))
  return 'fault' in parsed ? parsed.fault : undefined
}

/** Whether the first character of a body, blanks aside, opens a JSON object or array. */
export function opensJson(body: Buffer): boolean {
  const first = withoutBom(body).find((byte) => !BLANKS.has(byte))
  return first === BRACE || first === BRACKET
}

const BOM = /^\ufeff/

/** The bytes after a byte order mark. */
export const withoutBom = (body: Buffer): Buffer =>
  body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? body.subarray(3) : body
