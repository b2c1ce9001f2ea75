/** RFC 6750, 2.1: the scheme in any case, then the token; nothing of a token needs a blank or more than ASCII. */
const BEARER = /^bearer +([\x21-\x7e]+)$/i

/**
 * The bearer token of a request. Undefined unless there is exactly one Authorization header and it
 * holds exactly one token: proxies disagree on which of two counts.
 * @param authorization all values of the header Authorization
 */
export function bearerOf(authorization: readonly string[]): string | undefined {
  const [value, ...more] = authorization
  return value === undefined || more.length > 0 ? undefined : BEARER.exec(value.trim())?.[1]
}
