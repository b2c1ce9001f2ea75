import { PROBLEMS, type ProblemCode, WarrenError } from '#lib/errors.ts'
import { describeError, type Log, type LogFields } from '#lib/log.ts'
import { problemResponse } from './problem.ts'
import type { HttpRequest } from './request.ts'
import type { AnyResponse, HttpResponse } from './response.ts'

/** What is known of a request by now: who handles it adds to it. It goes into its problem and its log line. */
export interface Facts {
  exchange?: string
  routingKey?: string
  messageId?: string
  /** How it ended, when it did not fail. */
  outcome?: string
  /** How often the message was written to the broker. */
  attempts?: number
  /** Of a batch: how many messages it had, and how many of them failed. */
  messages?: number
  failures?: number
}

/** Answers a request, or throws; failures are thrown, never returned. */
export type Handle<R extends HttpRequest, A extends AnyResponse = HttpResponse> = (
  request: R,
  facts: Facts,
) => Promise<A>

/** How a request ended, for whoever counts. */
export interface Answered {
  readonly status: number
  /** `published`, `not-routed`, or the outcome of its problem. */
  readonly outcome: string
  readonly code?: ProblemCode | undefined
  /** Only when the broker knows it: a name that anybody could invent would make metrics without end. */
  readonly exchange?: string | undefined
  readonly ms: number
}

export type OnAnswered = (answered: Answered) => void

/** A request of a caller who is known by name. */
type Named = HttpRequest & { readonly principal?: { readonly name: string } }

/**
 * Makes a function that always answers: what `handle` throws becomes its problem. Writes one log
 * line for each request, with neither body nor token.
 */
export function respondWith<R extends Named, A extends AnyResponse>(
  handle: Handle<R, A>,
  log: Log,
  onAnswered?: OnAnswered,
) {
  return async (request: R): Promise<A | HttpResponse> => {
    const startedMs = performance.now()
    const { requestId } = request
    // The line grows as things come to be known: making it anew from its parts takes longer.
    const line: Line = { requestId, principal: request.principal?.name }
    try {
      const response = await handle(request, line)
      const { status } = response
      const ms = finish(line, status, startedMs)
      log.info(line, 'request answered')
      const { outcome = 'answered' } = line
      const exchange = status === 200 ? line.exchange : undefined
      onAnswered?.({ status, outcome, exchange, ms })
      return response
    } catch (error) {
      const { exchange, messageId } = line
      const response = problemResponse(error, { instance: requestId, exchange, messageId })
      const { status } = response
      const ms = finish(line, status, startedMs)
      logFailure(log, error, { ...line, status })
      onAnswered?.(failureAnswered(error, status, ms, exchange))
      return response
    }
  }
}

/** What the log says of a request. */
interface Line extends Facts, Record<string, unknown> {
  readonly requestId: string
  readonly principal: string | undefined
  status?: number
  ms?: number
}

/** The last that is known: how it ended, and after how many ms. */
function finish(line: Line, status: number, startedMs: number): number {
  line.status = status
  line.ms = Math.round((performance.now() - startedMs) * 10) / 10
  return line.ms
}

/** An exchange that these name does exist. */
const KNOWN_EXCHANGE = new Set<ProblemCode>(['unroutable', 'nacked', 'confirm-timeout'])

/** What to count for a request that failed. */
export function failureAnswered(
  error: unknown,
  status: number,
  ms: number,
  exchange?: string,
): Answered {
  const code = error instanceof WarrenError ? error.code : 'internal'
  const { outcome } = PROBLEMS[code]
  const known = KNOWN_EXCHANGE.has(code) ? exchange : undefined
  return { status, outcome, code, exchange: known, ms }
}

type FailureFields = LogFields & { readonly status: number }

/** One line for a request that failed: a bug at `error`, other trouble of ours at `warn`. */
export function logFailure(log: Log, error: unknown, fields: FailureFields): void {
  const code = error instanceof WarrenError ? error.code : 'internal'
  const { outcome } = PROBLEMS[code]
  const line = { ...fields, code, outcome }
  if (fields.status < 500) log.info(line, 'request refused')
  else if (code === 'internal') log.error({ ...line, err: describeError(error) }, 'request failed')
  else log.warn({ ...line, err: describeError(error) }, 'request failed')
}
