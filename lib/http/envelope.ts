import { after } from '#lib/after.ts'
import type { OutgoingMessage } from '#lib/amqp/message.ts'
import type { Pace } from '#lib/shares.ts'
import type { Item } from './batch-cut.ts'
import type { Label } from './body.ts'
import { createFaults, type Faults, type Listing, refusal } from './faults.ts'
import { base64Bytes, textBytes } from './json-text.ts'
import { assemble, type ReadingDeps } from './message.ts'
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
const MEMBER_LIST = MEMBERS.join(', ')
/** They stand beside the properties in an envelope. */
const OUTSIDE: readonly PropertyName[] = ['routing_key', 'mandatory']
/** The members of an envelope's `properties`, but for `content_type` and `content_encoding`. */
export const ENVELOPE_PROPERTIES = PROPERTY_NAMES.filter((name) => !OUTSIDE.includes(name))
const INNER: readonly string[] = [...ENVELOPE_PROPERTIES, 'content_type', 'content_encoding']
const INNER_LIST = INNER.join(', ')

/** A batch, as far as each of its messages needs to know it. */
export interface Batch {
  readonly body: Buffer
  readonly exchange: string
  /** Headers of the request, for the trace. */
  readonly http: Multi
  readonly listing: Listing
}

/**
 * The message in an item of a batch: the envelope of the management API's publish (`routing_key`,
 * `properties`, `payload`, `payload_encoding`), and `mandatory`.
 * @throws {WarrenError} invalid-request or malformed-json, with everything that is wrong
 */
export function readEnvelope(
  batch: Batch,
  item: Item,
  pace: Pace,
  deps: ReadingDeps,
): OutgoingMessage | Promise<OutgoingMessage> {
  const { exchange, http, listing } = batch
  const faults = createFaults(listing)
  const members = membersOf(batch.body, item, faults)
  refuseUnknown(members, MEMBERS, MEMBER_LIST, [], faults)
  const inner = propertiesOf(members, faults)
  refuseUnknown(inner, INNER, INNER_LIST, ['properties'], faults)
  const given = {
    ...read(members, OUTSIDE, [], faults),
    ...read(inner, ENVELOPE_PROPERTIES, ['properties'], faults),
  }
  const label = readLabels(inner, faults)
  return after(readPayload(batch.body, item, members, faults, pace), (body) =>
    assemble({ exchange, given, label, body, http, faults, bodyIs: 'payload' }, pace, deps),
  )
}

/** Members of an envelope: twice as many as are known. */
const MOST_MEMBERS = 32
/** Levels of an envelope: `properties`, `headers` and theirs. */
const MOST_LEVELS = 20
/** Members and list items in an envelope; headers may have 1,280, and the console sends them twice. */
const MOST_VALUES = 3000
/** Bytes of an envelope without its payload; 64 KiB of headers may take 384 KiB in JSON. */
const MOST_BYTES = 512 * 1024

/**
 * The members of an envelope, made into values but for the payload, of which nothing but its being
 * a text is left.
 * @throws {WarrenError} invalid-request: it is no envelope, or larger than any can be
 */
function membersOf(body: Buffer, item: Item, faults: Faults): Members {
  const { from, end, payload = [end, end] } = item
  const isText = body[payload[0]] === QUOTE
  const [cut, go] = isText ? payload : [end, end]
  tooMuch('members', item.members, MOST_MEMBERS, faults)
  tooMuch('levels', item.levels, MOST_LEVELS, faults)
  tooMuch('members and list items', item.values, MOST_VALUES, faults)
  tooMuch('bytes beside the payload', end - from - (go - cut), MOST_BYTES, faults)
  if (item.payloadTwice) faults.add(['payload'], TWICE)
  if (faults.count > 0) throw refusal('invalid-request', faults)
  const text = body.toString('utf8', from, cut)
  const value = JSON.parse(isText ? `${text}""${body.toString('utf8', go, end)}` : text)
  if (!isObject(value)) faults.add([], 'Must be a JSON object with a payload.')
  else if (Object.keys(value).length < item.members) faults.add([], `A member is ${TWICE}`)
  else return value
  throw refusal('invalid-request', faults)
}

const QUOTE = 0x22
const TWICE = 'given more than once.'

function tooMuch(what: string, count: number, most: number, faults: Faults): void {
  if (count > most) faults.add([], `Has ${count} ${what}; at most ${most} are allowed.`)
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

const NOTHING = Buffer.alloc(0)

/** The payload's bytes; what is wrong with them goes into `faults`. */
function readPayload(
  body: Buffer,
  { payload: range }: Item,
  { payload, payload_encoding: encoding = 'string' }: Members,
  faults: Faults,
  pace: Pace,
): Buffer | Promise<Buffer> {
  if (encoding !== 'string' && encoding !== 'base64') {
    faults.add(['payload_encoding'], 'Must be string or base64.')
    return NOTHING
  }
  if (range === undefined || typeof payload !== 'string') {
    faults.add(['payload'], 'Must be a text; write a JSON value as the text of it.')
    return NOTHING
  }
  const decoded = after(textBytes(body, [range[0] + 1, range[1] - 1], pace), (text) =>
    encoding === 'base64' && text !== undefined ? base64Bytes(text, pace) : text,
  )
  return after(decoded, (bytes) => {
    if (bytes === undefined) faults.add(['payload'], BAD_PAYLOAD[encoding])
    return bytes ?? NOTHING
  })
}

const BAD_PAYLOAD = {
  string: 'Must be well-formed Unicode; send other bytes as base64.',
  base64: 'Must be base64 (RFC 4648, 4), with its padding.',
}

function refuseUnknown(
  from: Members,
  known: readonly string[],
  list: string,
  where: string[],
  faults: Faults,
) {
  for (const name of Object.keys(from)) {
    if (!known.includes(name)) faults.add([...where, name], unknownName(name, list))
    if (faults.isEnough()) return
  }
}

const isObject = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
