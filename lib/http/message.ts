import { after } from '#lib/after.ts'
import type { OutgoingMessage } from '#lib/amqp/message.ts'
import type { Pace } from '#lib/shares.ts'
import { type Label, readBody, readLabel } from './body.ts'
import { createFaults, type Faults, refusal } from './faults.ts'
import { messageHeaders, toProperties } from './message-properties.ts'
import { readParameters } from './parameters.ts'
import type { Given } from './properties.ts'
import type { HttpRequest, Multi } from './request.ts'
import { fitsFrame } from './table.ts'

/** What reading a request needs from outside. */
export interface ReadingDeps {
  /** Milliseconds since 1970. */
  readonly now: () => number
}

/**
 * The message that a request describes, every rule of the contract checked: what passes, the
 * broker takes.
 * @throws {WarrenError} invalid-request or malformed-json, with everything that is wrong
 */
export function readMessage(
  request: HttpRequest,
  exchange: string,
  pace: Pace,
  deps: ReadingDeps,
): OutgoingMessage | Promise<OutgoingMessage> {
  const faults = createFaults()
  const given = readParameters(request, faults)
  const label = readLabel(request, faults)
  const { body, headers: http } = request
  return assemble({ exchange, given, label, body, http, faults, bodyIs: 'body' }, pace, deps)
}

/** What a message is made of, as far as it could be read, and what was wrong. */
export interface Parts {
  readonly exchange: string
  readonly given: Given
  readonly label: Label
  readonly body: Buffer
  /** Headers of the HTTP request, for the trace. */
  readonly http: Multi
  readonly faults: Faults
  /** What the body is called in a fault. */
  readonly bodyIs: string
}

/** Puts a message together. @throws {WarrenError} as {@link readMessage} does */
export function assemble(
  parts: Parts,
  pace: Pace,
  deps: ReadingDeps,
): OutgoingMessage | Promise<OutgoingMessage> {
  const { exchange, given, label, body, http, faults } = parts
  const nowMs = deps.now()
  const headers = messageHeaders(given, http, nowMs)
  fitsFrame(headers, ['headers'], faults)
  return after(readBody(label, body, pace), ({ contentType, malformed }) => {
    refuse(parts, malformed)
    const contentEncoding = label.encoding
    const properties = toProperties({ given, contentType, contentEncoding, headers, nowMs })
    const { routing_key: routingKey = '', mandatory = true } = given
    return { exchange, routingKey, body, properties, mandatory }
  })
}

/** Throws if anything is wrong; a body alone has its own code. */
function refuse({ faults, given, bodyIs }: Parts, malformed: string | undefined): void {
  const code = faults.count > 0 ? 'invalid-request' : 'malformed-json'
  if (malformed !== undefined) faults.add([bodyIs], malformed)
  if (faults.count === 0) return
  throw refusal(code, faults, given.message_id)
}
