import { hash, timingSafeEqual } from 'node:crypto'
import * as v from 'valibot'
import { ConfigError } from '#lib/config.ts'
import { defined } from '#lib/defined.ts'
import type { Principal } from './grants.ts'

/** A token as it is kept: never itself, only its digest. */
export interface Token extends Principal {
  /** SHA-256, 32 bytes. */
  readonly digest: Buffer
  /** Milliseconds since 1970 from which on it is refused. */
  readonly notAfterMs?: number
}

/** SHA-256. Tokens are long and random, so a fast hash without salt is right for them. */
export const digestOf = (token: string): Buffer => writeDigest(token, Buffer.alloc(DIGEST_BYTES))

const DIGEST_BYTES = 32
/** Of the token that is being looked for; a buffer for each would double the time that the hash takes. */
const sought = Buffer.alloc(DIGEST_BYTES)

function writeDigest(token: string, digest: Buffer): Buffer {
  digest.write(hash('sha256', token, 'binary'), 'binary')
  return digest
}

/**
 * The token that was presented, if it is known and not expired. Compares with every token in
 * constant time, so that the time tells nothing.
 */
export function findToken(
  tokens: readonly Token[],
  presented: string,
  nowMs: number,
): Token | undefined {
  const digest = writeDigest(presented, sought)
  let found: Token | undefined
  for (const token of tokens) {
    const same = timingSafeEqual(token.digest, digest)
    if (same && nowMs < (token.notAfterMs ?? Number.POSITIVE_INFINITY)) found ??= token
  }
  return found
}

const nonEmpty = (what: string) => v.pipe(v.string(), v.minLength(1, `${what} must not be empty`))

// Strict objects: a misspelt `routingKeys` must not grant every key.
const Grants = v.array(
  v.strictObject({
    exchange: nonEmpty('exchange'),
    routingKeys: v.optional(
      v.pipe(
        v.array(v.string()),
        v.minLength(1, 'routingKeys must name at least one, or be absent'),
      ),
    ),
  }),
)

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)$/

const Entry = v.strictObject({
  name: v.pipe(v.string(), v.regex(/^[\w.@:-]{1,64}$/, 'must be 1 to 64 letters, digits or _.@:-')),
  sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/i, 'must be 64 hexadecimal digits')),
  publish: Grants,
  notAfter: v.optional(
    v.pipe(
      v.string(),
      v.check(
        (text) => RFC3339.test(text) && !Number.isNaN(Date.parse(text)),
        'must be a time like 2027-01-31T12:00:00Z',
      ),
    ),
  ),
})

const TokenList = v.object({ tokens: v.array(Entry) })

/**
 * Reads `{"tokens":[{"name","sha256","publish":[{"exchange","routingKeys"?}],"notAfter"?}]}`.
 * @param source names it in the error
 * @throws {ConfigError} with everything that is wrong, without showing any of it
 */
export function parseTokens(source: string, text: string): readonly Token[] {
  const result = v.safeParse(TokenList, parseJson(source, text))
  if (!result.success) {
    throw new ConfigError(
      result.issues.map((issue) => `${source}: ${v.getDotPath(issue) ?? 'it'} ${says(issue)}`),
    )
  }
  return result.output.tokens.map(({ name, sha256, publish, notAfter }) => ({
    name,
    digest: Buffer.from(sha256, 'hex'),
    publish: publish.map(defined),
    ...(notAfter === undefined ? {} : { notAfterMs: Date.parse(notAfter) }),
  }))
}

/** Our own messages as they are; valibot's quote what was received, so they are replaced. */
function says(issue: v.BaseIssue<unknown>): string {
  if (issue.kind === 'validation') return issue.message
  if (issue.expected === 'never') return 'is not known'
  return issue.received === 'undefined' ? 'is missing' : `must be ${issue.expected}`
}

function parseJson(source: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new ConfigError([`${source}: it is not JSON`])
  }
}
