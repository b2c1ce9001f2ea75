import { destinationOf } from '#functions/publish/destination.ts'
import type { PublishDeps, PublishRequest } from '#functions/publish/publish.ts'
import type { OutgoingMessage, Publisher } from '#lib/amqp/message.ts'
import { covers, type Principal } from '#lib/auth/grants.ts'
import type { Deadline } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { type Found, findItems } from '#lib/http/batch-items.ts'
import { type Batch, readEnvelope } from '#lib/http/envelope.ts'
import { createFaults, MOST_LISTED, refusal } from '#lib/http/faults.ts'
import { type Facts, respondWith } from '#lib/http/respond.ts'
import type { HttpResponse } from '#lib/http/response.ts'
import { ROUTES } from '#lib/http/routes.ts'
import type { Pace } from '#lib/shares.ts'
import { answerTo, failed, type ItemResult } from './results.ts'
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
  const exchange = destinationOf(request, ROUTES.batch.path, deps.maxBodyBytes, facts)
  return turns.take(exchange, request.body.length, request.deadline, () =>
    publishAll(deps, request, exchange, facts),
  )
}

async function publishAll(
  deps: PublishDeps,
  request: PublishRequest,
  exchange: string,
  facts: Facts,
): Promise<HttpResponse> {
  const { body, headers: http, requestId: instance, principal, deadline } = request
  const pace = deps.shares.pace(principal.name, deadline)
  const items = await findItems(request, pace)
  const batch = { body, exchange, http, listing: { left: MOST_LISTED } }
  // All are read before the first is published: reading one may take longer than reading another,
  // and they are to be published in order.
  const read: Read[] = []
  for (const item of items) {
    if (pace.isDue()) await pace.next()
    read.push(await readItem(deps, batch, principal, item, pace))
  }
  const results = await publishInOrder(deps, deadline, read, pace)
  const { response, ...more } = answerTo(results, items.length, { exchange, instance })
  Object.assign(facts, more)
  return response
}

/** A message, or why there is none. */
type Read = OutgoingMessage | { readonly error: unknown }

async function readItem(
  deps: PublishDeps,
  batch: Batch,
  { publish }: Principal,
  item: Found,
  pace: Pace,
): Promise<Read> {
  try {
    if ('fault' in item) throw lineError(item.fault, batch)
    const message = await readEnvelope(batch, item, pace, deps)
    if (covers(publish, batch.exchange, message.routingKey)) return message
    const { messageId } = message.properties
    return { error: new WarrenError('forbidden-destination', { messageId }) }
  } catch (error) {
    return { error }
  }
}

function lineError(fault: string, { listing }: Batch): WarrenError {
  const faults = createFaults(listing)
  faults.add([], fault)
  return refusal('malformed-json', faults)
}

/** Gives the publisher the messages one after the other, and then waits for all of them. */
async function publishInOrder(
  { publisher }: PublishDeps,
  deadline: Deadline,
  read: readonly Read[],
  pace: Pace,
): Promise<readonly ItemResult[]> {
  const results: (ItemResult | Promise<ItemResult>)[] = []
  for (const [index, one] of read.entries()) {
    // Some are under way, so nothing may be thrown any more: the publisher tells when time is up.
    if (pace.isDue()) await pace.next().catch(() => {})
    results.push(
      'error' in one ? failed(index, one.error) : publishItem(publisher, deadline, one, index),
    )
  }
  return Promise.all(results)
}

async function publishItem(
  publisher: Publisher,
  deadline: Deadline,
  message: OutgoingMessage,
  index: number,
): Promise<ItemResult> {
  const { messageId } = message.properties
  try {
    const { routed } = await publisher.publish(message, deadline)
    const result = { index, status: 200, messageId } as const
    return routed ? result : { ...result, routed: false }
  } catch (error) {
    return failed(index, error, messageId)
  }
}
