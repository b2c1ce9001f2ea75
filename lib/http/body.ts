import { after } from '#lib/after.ts'
import type { Pace } from '#lib/shares.ts'
import type { Faults } from './faults.ts'
import { jsonFault, opensJson } from './json.ts'
import { isFormType, isIdentity, isJsonType } from './media-type.ts'
import { type HttpRequest, headText, valuesOf } from './request.ts'
import { shortStringFault } from './short-string.ts'

/** What the request's headers say of its body. */
export interface Label {
  /** Verbatim; absent when none was given. */
  readonly type?: string | undefined
  /** Verbatim; absent when none was given. */
  readonly encoding?: string | undefined
}

/** Reads Content-Type and Content-Encoding; a type given twice, or a text too long, is a fault. */
export function readLabel({ headers }: Pick<HttpRequest, 'headers'>, faults: Faults): Label {
  const types = valuesOf(headers, 'content-type')
  if (types.length > 1) faults.add(['headers', 'Content-Type'], 'Given more than once.')
  const type = labelText('Content-Type', types[0] ?? '', faults)
  const encodings = valuesOf(headers, 'content-encoding').join(', ')
  const encoding = labelText('Content-Encoding', encodings, faults)
  return { type: type || undefined, encoding: encoding || undefined }
}

function labelText(name: string, value: string, faults: Faults): string {
  const text = headText(value)
  const fault = shortStringFault(text)
  if (fault !== undefined) faults.add(['headers', name], fault)
  return text
}

/** The content type that the message gets, or why its body is not what it claims. */
export interface Reading {
  readonly contentType: string
  readonly malformed?: string | undefined
}

const UNKNOWN = 'application/octet-stream'

/**
 * A body that claims to be JSON must be JSON. One without a type, or with the one that old clients
 * send for everything, is called JSON when it is an object or array; nobody means such a form.
 */
export function readBody(
  { type, encoding }: Label,
  body: Buffer,
  pace: Pace,
): Reading | Promise<Reading> {
  const contentType = type ?? UNKNOWN
  if (!isIdentity(encoding)) return { contentType }
  if (isJsonType(contentType)) {
    return after(jsonFault(body, pace), (malformed) => ({ contentType, malformed }))
  }
  const unsaid = type === undefined || isFormType(type)
  if (!unsaid || !opensJson(body)) return { contentType }
  return after(jsonFault(body, pace), (fault) => ({
    contentType: fault === undefined ? 'application/json' : contentType,
  }))
}
