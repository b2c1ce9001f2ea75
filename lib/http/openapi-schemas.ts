import { PROBLEMS } from '#lib/errors.ts'
import { MOST_ITEMS } from './batch-items.ts'
import { ENVELOPE_PROPERTIES } from './envelope.ts'
import { PROPERTIES, type Property, type PropertyName } from './properties.ts'
import { SHORT_STRING_BYTES } from './short-string.ts'

/** A JSON Schema (2020-12), as OpenAPI 3.1 has it. */
export type Schema = Readonly<Record<string, unknown>>

export const refTo = (name: keyof typeof SCHEMAS): Schema => ({
  $ref: `#/components/schemas/${name}`,
})

/** The schema of a property's value. A limit in bytes is one in characters too. */
export function schemaOf(name: PropertyName): Schema {
  const rule: Property = PROPERTIES[name]
  if (rule.kind === 'integer') return { type: 'integer', minimum: rule.min, maximum: rule.max }
  if (rule.kind !== 'text') return { type: rule.kind === 'table' ? 'object' : 'boolean' }
  return {
    type: 'string',
    maxLength: SHORT_STRING_BYTES,
    ...(rule.minBytes === undefined ? {} : { minLength: rule.minBytes }),
    ...(rule.neverStarts === undefined ? {} : { not: { pattern: `^${quoted(rule.neverStarts)}` } }),
  }
}

const quoted = (text: string) => text.replaceAll('.', '\\.')

const described = (name: PropertyName): Schema => ({
  ...schemaOf(name),
  description: PROPERTIES[name].says,
})

const text = { type: 'string' } as const
const shortText = { type: 'string', maxLength: SHORT_STRING_BYTES } as const

const closed = (properties: Schema, required: readonly string[]): Schema => ({
  type: 'object',
  properties,
  required,
  additionalProperties: false,
})

const messageProperties = closed(
  {
    ...Object.fromEntries(ENVELOPE_PROPERTIES.map((name) => [name, described(name)])),
    content_type: { ...shortText, description: 'The media type of the payload.' },
    content_encoding: { ...shortText, description: 'e.g. `gzip`: how the payload is compressed.' },
  },
  [],
)

const envelope = closed(
  {
    routing_key: described('routing_key'),
    properties: messageProperties,
    payload: { ...text, description: 'The body of the message.' },
    payload_encoding: {
      enum: ['string', 'base64'],
      default: 'string',
      description: '`string`: the UTF-8 bytes of `payload`. `base64`: the bytes that it encodes.',
    },
    mandatory: described('mandatory'),
  },
  ['payload'],
)

const problemMembers = {
  type: { type: 'string', pattern: '^/problems/[a-z-]+$' },
  title: text,
  status: { type: 'integer', minimum: 400, maximum: 599 },
  detail: { ...text, description: 'For a person: what to do.' },
  instance: { ...text, description: 'The request’s id; name it to the operator.' },
  code: { enum: Object.keys(PROBLEMS) },
  outcome: { enum: [...new Set(Object.values(PROBLEMS).map(({ outcome }) => outcome))] },
  retryable: { type: 'boolean', description: 'Whether sending the same again can help.' },
  exchange: text,
  messageId: text,
  maxBytes: { type: 'integer', description: 'How large a body may be.' },
  errors: {
    type: 'array',
    items: closed({ pointer: { type: 'string', pattern: '^#' }, detail: text }, [
      'pointer',
      'detail',
    ]),
  },
} as const

const ALWAYS = ['type', 'title', 'detail', 'code', 'outcome', 'retryable'] as const

const published = {
  status: { const: 'OK' },
  exchange: text,
  routingKey: text,
  messageId: text,
  routed: { const: false, description: 'Nobody took it; only with `mandatory=false`.' },
}

const index = { type: 'integer', minimum: 0, maximum: MOST_ITEMS - 1 } as const
const result = {
  oneOf: [
    closed({ index, status: { const: 200 }, messageId: text, routed: published.routed }, [
      'index',
      'status',
      'messageId',
    ]),
    closed({ index, ...problemMembers }, ['index', 'status', ...ALWAYS]),
  ],
}
const results = { type: 'array', minItems: 1, maxItems: MOST_ITEMS, items: result } as const

/** The schemas that the document names; requests and answers are made and checked by the same definitions. */
export const SCHEMAS = {
  Envelope: envelope,
  Batch: { type: 'array', minItems: 1, maxItems: MOST_ITEMS, items: envelope },
  Published: closed(published, ['status', 'exchange', 'routingKey', 'messageId']),
  BatchPublished: closed({ status: { const: 'OK' }, exchange: text, results }, [
    'status',
    'exchange',
    'results',
  ]),
  Health: closed({ status: { const: 'ok' } }, ['status']),
  Ready: closed({ status: { const: 'ready' } }, ['status']),
  // `status` is missing only where a proxy answers for several statuses with one text.
  Problem: closed(problemMembers, ALWAYS),
  BatchProblem: closed({ ...problemMembers, results }, ['status', ...ALWAYS, 'results']),
} as const
