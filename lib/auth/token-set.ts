import { type Deadline, deadlineIn } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { kept } from '#lib/kept.ts'
import { describeError, type Log } from '#lib/log.ts'
import { findToken, type Token } from './tokens.ts'

/** Somewhere tokens are kept that may change while the process runs. */
export interface TokenSource {
  /** For the log. */
  readonly name: string
  /** @throws {ConfigError} it was read, but is not valid */
  read(deadline: Deadline): Promise<readonly Token[]>
}

export interface TokenSetOptions {
  /** Tokens that never change. */
  readonly fixed: readonly Token[]
  readonly sources: readonly TokenSource[]
  readonly log: Log
  /** Milliseconds since 1970. @default Date.now */
  readonly now?: () => number
}

/** All tokens of an installation. */
export interface TokenSet {
  /**
   * The token that was presented, if it is known and not expired; at once when it is a fixed one.
   * @throws {WarrenError} internal: it is not among the tokens that could be read, and a source could
   * not be read
   */
  find(presented: string, deadline: Deadline): Token | undefined | Promise<Token | undefined>
  /** Begins to read the sources, so that the first caller need not wait for all of it. */
  prefetch(): void
}

/** With the 30 s for which API Gateway keeps an answer, a change takes effect within 60 s. */
const REFRESH_MS = 20_000
/** An outage of the secret store shorter than this is not noticed by callers. */
const KEEP_MS = 3_600_000
/** Leaves a part of the authorizer's 800 ms for the rest of its work. */
const READ_TIMEOUT_MS = 700

/** Merges the tokens of all sources; each is read at most every 20 s, and its last good content serves for an hour. */
export function createTokenSet({ fixed, sources, log, now = Date.now }: TokenSetOptions): TokenSet {
  const all = sources.map((source) =>
    kept({
      read: (deadline) => source.read(deadline),
      everyMs: REFRESH_MS,
      keepMs: KEEP_MS,
      timeoutMs: READ_TIMEOUT_MS,
      now,
      onFailure: (error) =>
        log.error({ source: source.name, err: describeError(error) }, 'tokens not read'),
    }),
  )
  const findInSources = async (presented: string, deadline: Deadline) => {
    const read = await Promise.allSettled(all.map((source) => source.get(deadline)))
    const good = read.flatMap((one) => (one.status === 'fulfilled' ? one.value : []))
    const found = findToken(good, presented, now())
    const failed = read.find((one) => one.status === 'rejected')
    if (found === undefined && failed !== undefined) {
      throw new WarrenError('internal', { cause: failed.reason })
    }
    return found
  }
  return {
    prefetch: () => {
      // A failure is in the log already, and the first caller tries again.
      for (const source of all) source.get(deadlineIn(READ_TIMEOUT_MS)).catch(() => {})
    },
    find: (presented, deadline) =>
      findToken(fixed, presented, now()) ?? findInSources(presented, deadline),
  }
}
