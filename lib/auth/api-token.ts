import { ConfigError } from '#lib/config.ts'
import { digestOf, type Token } from './tokens.ts'

/** Tokens that are printed in documentation or come first to everybody's mind. */
const KNOWN = new Set(['super_secret_key', 'super_secret_token'])
/** 32 characters of an alphabet of 16 or more are at least 128 bits. */
const LEAST_CHARACTERS = 32

/**
 * The token of the setting API_TOKEN: one for every exchange, as the predecessor had it.
 * @param loopbackOnly every listener is on a loopback address, so that a weak token does no harm
 * @throws {ConfigError} a character that a header cannot carry; weak, unless `loopbackOnly`
 */
export function apiToken(token: string, loopbackOnly: boolean): Token {
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new ConfigError(['API_TOKEN must consist of visible ASCII characters'])
  }
  if (!loopbackOnly && (token.length < LEAST_CHARACTERS || KNOWN.has(token))) {
    throw new ConfigError([
      `API_TOKEN must have at least ${LEAST_CHARACTERS} characters and not be a known default, unless every listener is loopback`,
    ])
  }
  return { name: 'default', digest: digestOf(token), publish: [{ exchange: '*' }] }
}
