import type { PublishDeps, PublishRequest } from '#functions/publish/publish.ts'
import type { OutgoingMessage } from '#lib/amqp/message.ts'
import { covers } from '#lib/auth/grants.ts'
import { WarrenError } from '#lib/errors.ts'
import { readItems } from '#lib/http/batch-items.ts'
import { readEnvelope } from '#lib/http/envelope.ts'
import type { Parsed } from '#lib/http/json.ts'
import { exchangeIn } from '#lib/http/path.ts'
import { type Facts, respondWith } from '#lib/http/respond.ts'
import { type HttpResponse, jsonResponse } from '#lib/http/response.ts'
import { ROUTES } from '#lib/http/routes.ts'
import { failed, type ItemResult, incomplete, isFailed } from './results.ts'
import { createTurns, type Turns } from './turns.ts'

/**
 * Publishes many messages: POST /batch/{exchange}. Always answers, and says of each item what became
 * of it: a bad one never stops the others. 200 means that all were published.
 */
export const createBatch = (deps: PublishDeps) => {
  const turns = createTurns()
  return respondWith(
    (request: PublishRequest, facts) => batch(deps, turns, request, facts),
    deps.log,
    deps.onAnswered,
  )
}

async function batch(
  deps: PublishDeps,
  turns: Turns,
  request: PublishRequest,
  facts: Facts,
): Promise<HttpResponse> {
  deps.publisher.noteActivity()
  const exchange = exchangeIn(request.path, ROUTES.batch.path)
  facts.exchange = exchange
  const { maxBodyBytes } = deps
  const bytes = request.body.length
  if (bytes > maxBodyBytes) throw new WarrenError('body-too-large', { maxBytes: maxBodyBytes })
  return turns.take(exchange, bytes, request.deadline, () =>
    publishAll(deps, request, exchange, facts),
  )
}

async function publishAll(
  deps: PublishDeps,
  request: PublishRequest,
  exchange: string,
  facts: Facts,
): Promise<HttpResponse> {
  const items = await (deps.readItems ?? readItems)(request)
  // All are read before the first is published: reading one may take longer than reading another,
  // and they are to be published in order.
  const read = await Promise.all(items.map((item) => readItem(deps, request, exchange, item)))
  const results = await Promise.all(
    read.map((one, index) => publishItem(deps, request, one, index)),
  )
  return answer(results, exchange, request.requestId, facts)
}

/** A message, or why there is none. */
type Read = OutgoingMessage | { readonly error: unknown }

async function readItem(
  deps: PublishDeps,
  request: PublishRequest,
  exchange: string,
  item: Parsed,
): Promise<Read> {
  try {
    if ('fault' in item) {
      const errors = [{ pointer: '#', detail: item.fault }]
      return { error: new WarrenError('malformed-json', { errors }) }
    }
    const message = await readEnvelope(item.value, exchange, request.headers, deps)
    if (covers(request.principal.publish, exchange, message.routingKey)) return message
    const { messageId } = message.properties
    return { error: new WarrenError('forbidden-destination', { messageId }) }
  } catch (error) {
    return { error }
  }
}

/** Up to the first `await`, in the order of the calls: the publisher takes the messages in turn. */
async function publishItem(
  { publisher }: PublishDeps,
  { deadline }: PublishRequest,
  read: Read,
  index: number,
): Promise<ItemResult> {
  if ('error' in read) return failed(index, read.error)
  const { messageId } = read.properties
  try {
    const { routed } = await publisher.publish(read, deadline)
    const result = { index, status: 200, messageId } as const
    return routed ? result : { ...result, routed: false }
  } catch (error) {
    return failed(index, error, messageId)
  }
}

function answer(
  results: readonly ItemResult[],
  exchange: string,
  instance: string,
  facts: Facts,
): HttpResponse {
  const failures = results.filter(isFailed).length
  facts.messages = results.length
  facts.failures = failures
  const { response, outcome } =
    failures === 0
      ? { response: jsonResponse(200, { status: 'OK', exchange, results }), outcome: 'published' }
      : incomplete(results, { exchange, instance })
  facts.outcome = outcome
  return response
}
