import type { MessageProperties } from '#lib/amqp/message.ts'
import { uuidv7 } from '#lib/uuid.ts'
import type { Given } from './properties.ts'
import { type Multi, valuesOf } from './request.ts'
import type { Table } from './table.ts'

/** What a message's properties are made of. */
export interface Ingredients {
  readonly given: Given
  readonly contentType: string
  readonly contentEncoding?: string | undefined
  /** Headers of the message, see {@link messageHeaders}. */
  readonly headers: Table
  /** Milliseconds since 1970. */
  readonly nowMs: number
}

/** The properties of a message: persistent, and with an id, if the caller says nothing else. */
export function toProperties(from: Ingredients): MessageProperties {
  const { given, contentType, contentEncoding, headers, nowMs } = from
  return {
    deliveryMode: given.delivery_mode === 1 ? 1 : 2,
    messageId: given.message_id ?? uuidv7(nowMs),
    contentType,
    contentEncoding,
    priority: given.priority,
    correlationId: given.correlation_id,
    replyTo: given.reply_to,
    expiration: given.expiration?.toString(),
    timestamp: given.timestamp,
    type: given.type,
    appId: given.app_id,
    headers: Object.keys(headers).length === 0 ? undefined : headers,
  }
}

/**
 * The caller's headers with what travels beside them: the trace (W3C Trace Context, as strings, as
 * OpenTelemetry's instrumentation writes them), unless the caller put a trace in himself; and when the
 * message was taken, so that a relay can tell how much of its `expiration` is left.
 */
export function messageHeaders(given: Given, http: Multi, nowMs: number): Table {
  const trace = traceOf(http)
  if (given.headers === undefined && given.expiration === undefined) return trace
  const at = given.expiration === undefined ? {} : { 'x-warren-at': nowMs }
  return { ...trace, ...given.headers, ...at }
}

function traceOf(http: Multi): Table {
  const trace: Record<string, string> = {}
  const parents = valuesOf(http, 'traceparent')
  // More than one is no trace at all (W3C Trace Context, 3.2.1).
  if (parents.length === 1) trace['traceparent'] = parents[0] as string
  for (const list of ['tracestate', 'baggage']) {
    const values = valuesOf(http, list)
    if (values.length > 0) trace[list] = values.join(',')
  }
  return trace
}
