/** What is known of the message when a request fails. */
export type Outcome = 'not-published' | 'unknown' | 'partial'

/** One row of the status table (docs: README). */
export interface ProblemRow {
  readonly status: number
  readonly title: string
  readonly outcome: Outcome
  readonly retryable: boolean
  /** Seconds for `Retry-After`. */
  readonly retryAfterS?: number
  /** For a person: what to do. The thrower may say something more precise. */
  readonly detail: string
}

const no = { outcome: 'not-published', retryable: false } as const
const later = { outcome: 'not-published', retryable: true } as const
const unknown = { outcome: 'unknown', retryable: true } as const
const SAME_ID =
  'Send it again with the same Idempotency-Key: the message may be in the queue already.'

/**
 * The status table: the one source of every failure's status, outcome and advice. API Gateway's
 * responses, nginx's error pages, the documentation and the tests are made from it.
 */
export const PROBLEMS = {
  'invalid-request': {
    ...no,
    status: 400,
    title: 'The request is not valid',
    detail: 'Correct what `errors` names and send it again.',
  },
  'malformed-json': {
    ...no,
    status: 400,
    title: 'The body is not valid JSON',
    detail:
      'The Content-Type says JSON, so the body must be well-formed UTF-8 JSON. Send valid JSON, or another Content-Type.',
  },
  unauthorized: {
    ...no,
    status: 401,
    title: 'A valid bearer token is needed',
    detail:
      'Send the header `Authorization: Bearer <token>` with a token that this installation knows.',
  },
  'forbidden-destination': {
    ...no,
    status: 403,
    title: 'This token may not publish there',
    detail: 'Ask the operator for a token whose scope covers this exchange and routing key.',
  },
  'forbidden-address': {
    ...no,
    status: 403,
    title: 'This address may not come in here',
    detail: 'Ask the operator to allow the address that you come from.',
  },
  'not-found': {
    ...no,
    status: 404,
    title: 'There is nothing at this address',
    detail: 'Publish with POST /publish/{exchange}; the name of the exchange must not be empty.',
  },
  'exchange-not-found': {
    ...no,
    status: 404,
    title: 'The exchange does not exist',
    detail:
      'Check the name. An exchange comes to be when its first listener (relay) starts, or when the operator declares it.',
  },
  'method-not-allowed': {
    ...no,
    status: 405,
    title: 'This method is not allowed here',
    detail: 'Use one of the methods in the header `Allow`.',
  },
  'request-timeout': {
    ...no,
    status: 408,
    title: 'The request did not arrive in time',
    detail: 'Send the whole request without long pauses.',
  },
  'body-too-large': {
    ...no,
    status: 413,
    title: 'The body is too large',
    detail: 'Send a smaller body: `maxBytes` is the limit. Nothing was published.',
  },
  'uri-too-long': {
    ...no,
    status: 414,
    title: 'The address is too long',
    detail: 'Use AMQP-* headers instead of long query parameters.',
  },
  'unsupported-media-type': {
    ...no,
    status: 415,
    title: 'This media type is not understood here',
    detail: 'Use a media type that this route takes.',
  },
  unroutable: {
    ...no,
    status: 422,
    title: 'No queue is bound for this message',
    detail:
      'The exchange exists, but no queue takes this routing key. Start a listener for it, correct the routing key, or send mandatory=false if nobody needs to listen.',
  },
  'rate-limited': {
    ...later,
    status: 429,
    title: 'Too many requests',
    retryAfterS: 1,
    detail: 'Wait for the seconds in `Retry-After`, then send it again.',
  },
  'headers-too-large': {
    ...no,
    status: 431,
    title: 'The headers are too large',
    detail: 'Send fewer or shorter headers.',
  },
  'broker-unavailable': {
    ...later,
    status: 503,
    title: 'The broker cannot be reached',
    retryAfterS: 2,
    detail: 'Nothing was published. Send it again after the seconds in `Retry-After`.',
  },
  'broker-blocked': {
    ...later,
    status: 503,
    title: 'The broker takes no messages at the moment',
    retryAfterS: 5,
    detail:
      'The broker is low on memory or disk. Nothing was published. Send it again after the seconds in `Retry-After`.',
  },
  overloaded: {
    ...later,
    status: 503,
    title: 'Too much is under way',
    retryAfterS: 1,
    detail: 'Nothing was published. Send it again after the seconds in `Retry-After`.',
  },
  'broker-misconfigured': {
    ...later,
    status: 503,
    title: 'The broker refuses this installation',
    retryAfterS: 30,
    detail:
      "Nothing was published. The operator must correct the broker's user, password, vhost or permissions.",
  },
  nacked: {
    outcome: 'partial',
    retryable: true,
    status: 503,
    title: 'A queue refused the message',
    retryAfterS: 1,
    detail:
      'At least one queue refused the message (it may be full); other queues may have it. Send it again with the same Idempotency-Key.',
  },
  'confirm-timeout': {
    ...unknown,
    status: 504,
    title: 'The broker did not confirm in time',
    detail: SAME_ID,
  },
  'connection-lost': {
    ...unknown,
    status: 504,
    title: 'The connection to the broker was lost',
    detail: SAME_ID,
  },
  'channel-lost': {
    ...unknown,
    status: 504,
    title: 'The broker closed the channel',
    detail: SAME_ID,
  },
  'blocked-in-flight': {
    ...unknown,
    status: 504,
    title: 'The broker stopped taking messages while this one was under way',
    retryAfterS: 5,
    detail: SAME_ID,
  },
  // Made of its items: 422 when none is worth sending again, not-published when none got through.
  'batch-incomplete': {
    outcome: 'partial',
    retryable: true,
    status: 503,
    title: 'Not every message of the batch was published',
    retryAfterS: 1,
    detail:
      'Look at `results`: send again only the items that are retryable, each with the same message id.',
  },
  'gateway-lost': {
    ...unknown,
    status: 502,
    title: 'No answer came from behind the gateway',
    detail: SAME_ID,
  },
  internal: {
    ...unknown,
    status: 500,
    title: 'An error inside the gateway',
    detail: `Tell the operator the request id. ${SAME_ID}`,
  },
} as const satisfies Record<string, ProblemRow>

export type ProblemCode = keyof typeof PROBLEMS

/** One thing that is wrong with a request. `pointer` names it, e.g. `#/headers/AMQP-Priority`. */
export interface ProblemItem {
  readonly pointer: string
  readonly detail: string
}

/** What a thrower adds to its row of the table; all of it goes into the answer, except `cause`. */
export interface ProblemContext {
  readonly detail?: string
  readonly exchange?: string
  readonly messageId?: string
  readonly errors?: readonly ProblemItem[]
  /** The limit that a body exceeded, in bytes. */
  readonly maxBytes?: number
  /** Header fields that the answer must have, names in lower case, e.g. `allow`. */
  readonly headers?: Readonly<Record<string, string>>
  /** For the log; never shown to the caller. */
  readonly cause?: unknown
}

/** Every failure that Warren knows. A code without a row in PROBLEMS does not compile. */
export class WarrenError extends Error {
  override readonly name = 'WarrenError'
  readonly code: ProblemCode
  readonly context: ProblemContext

  constructor(code: ProblemCode, context: ProblemContext = {}) {
    super(context.detail ?? PROBLEMS[code].title, { cause: context.cause })
    this.code = code
    this.context = context
  }

  get row(): ProblemRow {
    return PROBLEMS[this.code]
  }
}
