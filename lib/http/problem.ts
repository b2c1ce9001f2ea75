import { defined } from '#lib/defined.ts'
import {
  type Outcome,
  PROBLEMS,
  type ProblemCode,
  type ProblemContext,
  type ProblemItem,
  type ProblemRow,
  WarrenError,
} from '#lib/errors.ts'
import type { HttpResponse } from './response.ts'

/** What a caller is told of a failure (RFC 9457, with members of our own). */
export interface Problem {
  /** Where this kind of failure is explained; relative to the address of the request. */
  readonly type: string
  readonly title: string
  readonly status: number
  /** For a person: what to do. */
  readonly detail: string
  /** The request's id, to be named to the operator. */
  readonly instance?: string
  readonly code: ProblemCode
  readonly outcome: Outcome
  /** Whether sending the same again can help. */
  readonly retryable: boolean
  readonly exchange?: string
  readonly messageId?: string
  readonly maxBytes?: number
  readonly errors?: readonly ProblemItem[]
}

/** What was known of the request when it failed. */
export interface Known {
  readonly instance?: string | undefined
  readonly exchange?: string | undefined
  readonly messageId?: string | undefined
}

/**
 * The problem that an error stands for. Total: whatever was thrown becomes one, and of an error
 * that is not ours nothing is shown but `internal`.
 */
export function toProblem(error: unknown, known: Known = {}): Problem {
  const [code, context] = asWarren(error)
  const row: ProblemRow = PROBLEMS[code]
  return defined({
    type: `/problems/${code}`,
    title: row.title,
    status: row.status,
    detail: context.detail ?? row.detail,
    instance: known.instance,
    code,
    outcome: row.outcome,
    retryable: row.retryable,
    exchange: context.exchange ?? known.exchange,
    messageId: context.messageId ?? known.messageId,
    maxBytes: context.maxBytes,
    errors: context.errors,
  })
}

/** The answer to a request that failed; `Retry-After` wherever the table has seconds for it. */
export function problemResponse(error: unknown, known: Known = {}): HttpResponse {
  const problem = toProblem(error, known)
  const { retryAfterS }: ProblemRow = PROBLEMS[problem.code]
  return render(problem, {
    ...(retryAfterS === undefined ? {} : { 'retry-after': String(retryAfterS) }),
    ...(problem.status === 401 ? { 'www-authenticate': CHALLENGE } : {}),
    ...asWarren(error)[1].headers,
  })
}

/** A problem, perhaps with members of its own, as an answer. */
export function render(problem: Problem, headers: HttpResponse['headers'] = {}): HttpResponse {
  const own = { 'content-type': 'application/problem+json', 'cache-control': 'no-store' }
  return {
    status: problem.status,
    headers: { ...own, ...headers },
    body: JSON.stringify(problem),
  }
}

/** RFC 6750, 3. */
const CHALLENGE = 'Bearer realm="warren"'

/** At run time anything may stand there, even what cannot be made a text. */
const isCode = (code: unknown): boolean => typeof code === 'string' && Object.hasOwn(PROBLEMS, code)

function asWarren(error: unknown): readonly [ProblemCode, ProblemContext] {
  if (error instanceof WarrenError && isCode(error.code)) {
    return [error.code, error.context]
  }
  return ['internal', {}]
}
