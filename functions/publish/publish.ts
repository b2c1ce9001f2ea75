import type { Publisher } from '#lib/amqp/message.ts'
import { covers, type Principal } from '#lib/auth/grants.ts'
import type { Deadline } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { STEP } from '#lib/http/json.ts'
import { readMessage } from '#lib/http/message.ts'
import type { HttpRequest } from '#lib/http/request.ts'
import { type Facts, type OnAnswered, respondWith } from '#lib/http/respond.ts'
import { type HttpResponse, jsonResponse } from '#lib/http/response.ts'
import { ROUTES } from '#lib/http/routes.ts'
import type { Log } from '#lib/log.ts'
import { AT_ONCE, type Shares } from '#lib/shares.ts'
import { destinationOf } from './destination.ts'

/** A request to publish, from a caller who is known. */
export interface PublishRequest extends HttpRequest {
  readonly principal: Principal
  readonly deadline: Deadline
}

export interface PublishDeps {
  readonly publisher: Publisher
  readonly log: Log
  /** Bodies over this many bytes are refused. */
  readonly maxBodyBytes: number
  /** The process's one, for all that takes long. */
  readonly shares: Shares
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly onAnswered?: OnAnswered
}

/**
 * Publishes one message: POST /publish/{exchange}. Always answers: 200 means confirmed by the broker
 * and, unless the caller said `mandatory=false`, taken by at least one queue.
 */
export const createPublish = (deps: PublishDeps) =>
  respondWith(
    (request: PublishRequest, facts) => publish(deps, request, facts),
    deps.log,
    deps.onAnswered,
  )

async function publish(
  deps: PublishDeps,
  request: PublishRequest,
  facts: Facts,
): Promise<HttpResponse> {
  deps.publisher.noteActivity()
  const exchange = destinationOf(request, ROUTES.publish.path, deps.maxBodyBytes, facts)
  // Nearly always there at once, and then not awaited: that would cost every request a turn.
  const reading = readMessage(request, exchange, paceOf(deps, request), deps)
  const message = reading instanceof Promise ? await reading : reading
  const { routingKey } = message
  const { messageId } = message.properties
  facts.routingKey = routingKey
  facts.messageId = messageId
  if (!covers(request.principal.publish, exchange, routingKey)) {
    throw new WarrenError('forbidden-destination')
  }
  const { routed, attempts } = await deps.publisher.publish(message, request.deadline)
  facts.outcome = routed ? 'published' : 'not-routed'
  facts.attempts = attempts
  const answer = { status: 'OK', exchange, routingKey, messageId }
  return jsonResponse(200, routed ? answer : { ...answer, routed })
}

/** Nearly every body is short; the pace of the others is made only for them. */
function paceOf({ shares }: PublishDeps, { body, principal, deadline }: PublishRequest) {
  return body.length > STEP ? shares.pace(principal.name, deadline) : AT_ONCE
}
