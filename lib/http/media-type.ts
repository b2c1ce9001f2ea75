/** The media type without parameters, in lower case: `application/json` of `Application/JSON; charset=x`. */
export const essenceOf = (contentType: string): string =>
  (contentType.split(';', 1)[0] as string).trim().toLowerCase()

/** Whether a body of this type is JSON: `application/json`, `text/json` or any `+json` (RFC 6839, 3.1). */
export function isJsonType(contentType: string): boolean {
  const essence = essenceOf(contentType)
  return essence === 'application/json' || essence === 'text/json' || essence.endsWith('+json')
}

/** The type that `curl -d` and most old clients send for any body. */
export const isFormType = (contentType: string): boolean =>
  essenceOf(contentType) === 'application/x-www-form-urlencoded'

/** Whether a body with this Content-Encoding is what its Content-Type says, not compressed. */
export function isIdentity(contentEncoding: string | undefined): boolean {
  return contentEncoding === undefined || contentEncoding.trim().toLowerCase() === 'identity'
}
