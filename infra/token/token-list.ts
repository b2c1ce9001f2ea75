import { randomBytes } from 'node:crypto'
import { digestOf, parseTokens } from '#lib/auth/tokens.ts'
import { ConfigError } from '#lib/config.ts'
import { defined } from '#lib/defined.ts'

/** A token as its file or secret keeps it; `parseTokens` checks it. */
export interface TokenEntry {
  readonly name: string
  /** Hex. */
  readonly sha256: string
  readonly publish: readonly {
    readonly exchange: string
    readonly routingKeys?: readonly string[]
  }[]
  /** RFC 3339. */
  readonly notAfter?: string
}

export interface NewToken {
  readonly name: string
  /** Each `exchange` or `exchange:pattern,pattern`. */
  readonly publish: readonly string[]
  readonly notAfter?: string
}

/** 256 bits, in 43 characters that need no quoting anywhere. */
const TOKEN_BYTES = 32

/** What a file or secret without any token holds. */
export const NO_TOKENS = '{"tokens":[]}'

/** The entries of a list. @throws {ConfigError} it is not one */
export function entriesOf(text: string): readonly TokenEntry[] {
  parseTokens('The list of tokens', text)
  return (JSON.parse(text) as { tokens: TokenEntry[] }).tokens
}

/**
 * The list with one more token, and the token itself: this is the only time that it is seen. Several
 * tokens may have the same name: that is how one is replaced without a gap.
 * @throws {ConfigError} the list, or the new entry, is not valid
 */
export function withNewToken(text: string, wanted: NewToken): { text: string; token: string } {
  if (wanted.publish.length === 0) throw new ConfigError(['--publish must be given at least once'])
  const token = `wt_${randomBytes(TOKEN_BYTES).toString('base64url')}`
  const { name, notAfter } = wanted
  const publish = wanted.publish.map(toGrant)
  const sha256 = digestOf(token).toString('hex')
  const entry = defined({ name, sha256, publish, notAfter }) as TokenEntry
  const next = toText([...entriesOf(text), entry])
  parseTokens('The new token', next)
  return { text: next, token }
}

/**
 * The list without the tokens that have this name, or whose digest begins so.
 * @throws {ConfigError} there is none
 */
export function withoutToken(text: string, nameOrDigest: string): { text: string; count: number } {
  const entries = entriesOf(text)
  const isMeant = ({ name, sha256 }: TokenEntry) =>
    name === nameOrDigest || (DIGEST_START.test(nameOrDigest) && sha256.startsWith(nameOrDigest))
  const left = entries.filter((entry) => !isMeant(entry))
  if (left.length === entries.length) {
    throw new ConfigError([`no token has the name ${nameOrDigest}, or a digest that begins so`])
  }
  return { text: toText(left), count: entries.length - left.length }
}

const DIGEST_START = /^[0-9a-f]{8,64}$/

const toText = (tokens: readonly TokenEntry[]) => `${JSON.stringify({ tokens }, null, 2)}\n`

function toGrant(text: string): TokenEntry['publish'][number] {
  const colon = text.indexOf(':')
  if (colon < 0) return { exchange: text }
  return { exchange: text.slice(0, colon), routingKeys: text.slice(colon + 1).split(',') }
}

/** One line for a person; nothing in it is secret. */
export function describeEntry({ name, sha256, publish, notAfter }: TokenEntry): string {
  const grants = publish.map(({ exchange, routingKeys }) =>
    routingKeys === undefined ? exchange : `${exchange}:${routingKeys.join(',')}`,
  )
  const until = notAfter === undefined ? '' : `  until ${notAfter}`
  return `${name}  ${sha256.slice(0, 8)}  publish ${grants.join(' ')}${until}`
}
