import type { OutgoingMessage } from '#lib/amqp/message.ts'
import type { Label } from './body.ts'
import { createFaults, type Faults, invalid } from './faults.ts'
import { assemble, type Parts, type ReadingDeps } from './message.ts'
import {
  type Given,
  PROPERTIES,
  PROPERTY_NAMES,
  type PropertyName,
  unknownName,
} from './properties.ts'
import type { Multi } from './request.ts'
import { shortStringFault } from './short-string.ts'
import { checkValue } from './values.ts'

type Members = Readonly<Record<string, unknown>>

const MEMBERS = ['routing_key', 'properties', 'payload', 'payload_encoding', 'mandatory']
const LABELS = ['content_type', 'content_encoding']
/** They stand beside the properties in an envelope. */
const OUTSIDE: readonly PropertyName[] = ['routing_key', 'mandatory']
/** The members of an envelope's `properties`, but for `content_type` and `content_encoding`. */
export const ENVELOPE_PROPERTIES = PROPERTY_NAMES.filter((name) => !OUTSIDE.includes(name))

/**
 * The message in an item of a batch: the envelope of the management API's publish (`routing_key`,
 * `properties`, `payload`, `payload_encoding`), and `mandatory`.
 * @param http headers of the batch, for the trace
 * @throws {WarrenError} invalid-request or malformed-json, with everything that is wrong
 */
export function readEnvelope(
  item: unknown,
  exchange: string,
  http: Multi,
  deps: ReadingDeps,
): OutgoingMessage | Promise<OutgoingMessage> {
  if (!isObject(item)) throw invalid([], 'Must be a JSON object with a payload.')
  const faults = createFaults()
  refuseUnknown(item, MEMBERS, [], faults)
  const inner = propertiesOf(item, faults)
  refuseUnknown(inner, [...ENVELOPE_PROPERTIES, ...LABELS], ['properties'], faults)
  const given = {
    ...read(item, OUTSIDE, [], faults),
    ...read(inner, ENVELOPE_PROPERTIES, ['properties'], faults),
  }
  const label = readLabels(inner, faults)
  const payload = readPayload(item, faults)
  return assemble({ exchange, given, label, ...payload, http, faults, bodyIs: 'payload' }, deps)
}

function propertiesOf({ properties = {} }: Members, faults: Faults): Members {
  if (isObject(properties)) return properties
  // PHP writes an empty map as an empty list.
  if (Array.isArray(properties) && properties.length === 0) return {}
  faults.add(['properties'], 'Must be a JSON object.')
  return {}
}

function read(
  from: Members,
  names: readonly PropertyName[],
  where: string[],
  faults: Faults,
): Given {
  const given: Partial<Record<PropertyName, unknown>> = {}
  for (const name of names) {
    if (!Object.hasOwn(from, name)) continue
    const value = asNumber(name, from[name])
    if (checkValue(PROPERTIES[name], value, [...where, name], faults)) given[name] = value
  }
  return given as Given
}

/** The management API wants `expiration` as a text, and much that is written for it sends others so too. */
function asNumber(name: PropertyName, value: unknown): unknown {
  const isDigits = typeof value === 'string' && /^\d{1,16}$/.test(value)
  return PROPERTIES[name].kind === 'integer' && isDigits ? Number(value) : value
}

function readLabels(from: Members, faults: Faults): Label {
  const text = (name: string) => {
    const value = from[name] ?? ''
    const fault = shortStringFault(value)
    if (fault !== undefined) faults.add(['properties', name], fault)
    return fault === undefined && value !== '' ? String(value) : undefined
  }
  return { type: text('content_type'), encoding: text('content_encoding') }
}

type Payload = Pick<Parts, 'body' | 'text'>

function readPayload(
  { payload, payload_encoding: encoding = 'string' }: Members,
  faults: Faults,
): Payload {
  if (encoding !== 'string' && encoding !== 'base64') {
    faults.add(['payload_encoding'], 'Must be string or base64.')
  } else if (typeof payload !== 'string') {
    faults.add(['payload'], 'Must be a text; write a JSON value as the text of it.')
  } else if (encoding === 'base64' && !isBase64(payload)) {
    faults.add(['payload'], 'Must be base64 (RFC 4648, 4), with its padding.')
  } else if (!payload.isWellFormed()) {
    faults.add(['payload'], 'Must be well-formed Unicode; send other bytes as base64.')
  } else {
    return encoding === 'base64'
      ? { body: Buffer.from(payload, 'base64') }
      : { body: Buffer.from(payload, 'utf8'), text: payload }
  }
  return { body: Buffer.alloc(0) }
}

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/
const isBase64 = (text: string) => text.length % 4 === 0 && BASE64.test(text)

function refuseUnknown(from: Members, known: readonly string[], where: string[], faults: Faults) {
  for (const name of Object.keys(from)) {
    if (!known.includes(name)) faults.add([...where, name], unknownName(name, known))
  }
}

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
