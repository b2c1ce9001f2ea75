import type { OutgoingMessage } from '#lib/amqp/message.ts'
import { WarrenError } from '#lib/errors.ts'
import { type JsonCheck, readBody, readLabel } from './body.ts'
import { createFaults, type Faults } from './faults.ts'
import { messageHeaders, toProperties } from './message-properties.ts'
import { readParameters } from './parameters.ts'
import type { HttpRequest } from './request.ts'
import { fitsFrame } from './table.ts'

/** What reading a request needs from outside. */
export interface ReadingDeps {
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly checkJson: JsonCheck
}

/**
 * The message that a request describes, every rule of the contract checked: what passes, the
 * broker takes.
 * @throws {WarrenError} invalid-request or malformed-json, with everything that is wrong
 */
export async function readMessage(
  request: HttpRequest,
  exchange: string,
  { now, checkJson }: ReadingDeps,
): Promise<OutgoingMessage> {
  const faults = createFaults()
  const nowMs = now()
  const given = readParameters(request, faults)
  const label = readLabel(request, faults)
  const headers = messageHeaders(given, request.headers, nowMs)
  fitsFrame(headers, ['headers'], faults)
  const { contentType, malformed } = await readBody(label, request.body, checkJson)
  refuse(faults, malformed, given.message_id)
  const properties = toProperties({
    given,
    contentType,
    contentEncoding: label.encoding,
    headers,
    nowMs,
  })
  const { routing_key: routingKey = '', mandatory = true } = given
  return { exchange, routingKey, body: request.body, properties, mandatory }
}

/** Throws if anything is wrong; a body alone has its own code. */
function refuse(faults: Faults, malformed: string | undefined, messageId: string | undefined) {
  const code = faults.items.length > 0 ? 'invalid-request' : 'malformed-json'
  if (malformed !== undefined) faults.add(['body'], malformed)
  if (faults.items.length === 0) return
  const known = messageId === undefined ? {} : { messageId }
  throw new WarrenError(code, { ...known, errors: faults.items })
}
