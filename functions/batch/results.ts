import { type Outcome, PROBLEMS, type ProblemRow, WarrenError } from '#lib/errors.ts'
import { type Known, type Problem, render, toProblem } from '#lib/http/problem.ts'
import { type HttpResponse, jsonResponse } from '#lib/http/response.ts'

/** What became of an item that was published. */
export interface Published {
  readonly index: number
  readonly status: 200
  readonly messageId: string
  readonly routed?: false
}

/** What became of an item that was not, or perhaps not. */
export type Failed = Problem & { readonly index: number }

export type ItemResult = Published | Failed

/** The result of an item that failed. @param messageId if there is one: the caller sends it again with that */
export const failed = (index: number, error: unknown, messageId?: string): Failed => ({
  index,
  ...toProblem(error, { messageId }),
})

/** An answer, and what the log says of it. */
export interface Answered {
  readonly response: HttpResponse
  readonly outcome: string
  readonly messages: number
  readonly failures: number
}

/**
 * The answer to a batch: 200 when every message was published.
 * @param messages that the batch has
 * @throws {Error} there is not a result for each of them: a defect of ours, and what became of them is unknown
 */
export function answerTo(results: readonly ItemResult[], messages: number, known: Known): Answered {
  if (messages === 0 || results.length !== messages) {
    throw new Error(`${results.length} results for ${messages} messages`)
  }
  const failures = results.filter(isFailed).length
  if (failures > 0) return { ...incomplete(results, known), messages, failures }
  const { exchange } = known
  const response = jsonResponse(200, { status: 'OK', exchange, results })
  return { response, outcome: 'published', messages, failures }
}

/**
 * The answer to a batch of which some items failed. 503 when sending some of them again can help;
 * `partial` unless it is certain that none got through.
 */
function incomplete(results: readonly ItemResult[], known: Known) {
  const failures = results.filter(isFailed)
  const again = failures.filter((failure) => failure.retryable)
  const retryable = again.length > 0
  const isCertain = failures.length === results.length && failures.every(isNotPublished)
  const outcome: Outcome = isCertain ? 'not-published' : 'partial'
  const count = `${failures.length} of ${results.length} messages were not published, or perhaps not.`
  const problem: Problem & { readonly results: readonly ItemResult[] } = {
    ...toProblem(new WarrenError('batch-incomplete'), known),
    status: retryable ? 503 : 422,
    detail: `${count} ${retryable ? SEND_AGAIN : CORRECT}`,
    outcome,
    retryable,
    results,
  }
  const response = render(problem, retryable ? { 'retry-after': waitFor(again) } : {})
  return { response, outcome }
}

const SEND_AGAIN = PROBLEMS['batch-incomplete'].detail
const CORRECT = 'Look at `results`: correct what is wrong with each and send only those again.'

const isFailed = (result: ItemResult): result is Failed => 'code' in result

const isNotPublished = ({ outcome }: Failed): boolean => outcome === 'not-published'

/** The longest wait that an item asks for. */
function waitFor(failures: readonly Failed[]): string {
  const rows: ProblemRow[] = failures.map(({ code }) => PROBLEMS[code])
  return String(Math.max(...rows.map(({ retryAfterS = 1 }) => retryAfterS)))
}
