import { PROBLEMS, type ProblemCode, type ProblemRow } from '#lib/errors.ts'
import { refTo, SCHEMAS, type Schema, schemaOf } from './openapi-schemas.ts'
import { headerOf, PROPERTIES, PROPERTY_NAMES } from './properties.ts'

/** The version of the interface, not of the software. */
const VERSION = '1.0.0'

/** Problems that any request may meet, some of them before it reaches a function. */
const ANYWHERE: readonly ProblemCode[] = [
  'invalid-request',
  'forbidden-address',
  'not-found',
  'method-not-allowed',
  'request-timeout',
  'uri-too-long',
  'rate-limited',
  'headers-too-large',
  'internal',
  'overloaded',
  'gateway-lost',
]
/** Problems of whoever sends messages. */
const SENDING: readonly ProblemCode[] = [
  ...ANYWHERE,
  'malformed-json',
  'unauthorized',
  'body-too-large',
  'broker-misconfigured',
]
/** Problems of a message on its way; in a batch each item has its own. */
const PUBLISHING: readonly ProblemCode[] = [
  ...SENDING,
  'forbidden-destination',
  'exchange-not-found',
  'unroutable',
  'broker-unavailable',
  'broker-blocked',
  'nacked',
  'confirm-timeout',
  'connection-lost',
  'channel-lost',
  'blocked-in-flight',
]
/** What a message would meet. */
const READINESS: readonly ProblemCode[] = [
  ...ANYWHERE,
  'unauthorized',
  'broker-misconfigured',
  'broker-unavailable',
  'broker-blocked',
]
const BATCH: readonly ProblemCode[] = [...SENDING, 'unsupported-media-type', 'batch-incomplete']

const exchange = {
  name: 'exchange',
  in: 'path',
  required: true,
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  description:
    'Name of the exchange, percent-encoded once. A `/` in it may stand as it is, except at the end.',
}

/** Each property twice: as a parameter of the query, and as a header. */
const properties = PROPERTY_NAMES.flatMap((name) => {
  const { kind, says: description } = PROPERTIES[name]
  const schema = schemaOf(name)
  const value = kind === 'table' ? { content: { 'application/json': { schema } } } : { schema }
  return [
    { name, in: 'query', description, ...value },
    { name: headerOf(name), in: 'header', description, ...value },
  ]
})

const header = (name: string, description: string) => ({
  name,
  in: 'header',
  description,
  schema: { type: 'string' },
})

const idempotencyKey = header('Idempotency-Key', 'The same as `message_id`, quoted or bare.')
const trace = ['traceparent', 'tracestate', 'baggage'].map((name) =>
  header(name, 'Goes into the headers of the message (W3C Trace Context, W3C Baggage).'),
)

/** One response for each status, which names its codes. */
function problems(codes: readonly ProblemCode[]) {
  const statuses = [...new Set(codes.flatMap(statusesOf))].sort((one, other) => one - other)
  return Object.fromEntries(
    statuses.map((status) => [
      status,
      problemResponse(codes.filter((code) => statusesOf(code).includes(status))),
    ]),
  )
}

/** Two codes have two statuses: proxies tell a timeout from an end, a batch says what its items need. */
function statusesOf(code: ProblemCode): readonly number[] {
  if (code === 'gateway-lost') return [502, 504]
  return code === 'batch-incomplete' ? [422, 503] : [PROBLEMS[code].status]
}

function problemResponse(codes: readonly ProblemCode[]) {
  const rows: ProblemRow[] = codes.map((code) => PROBLEMS[code])
  const field = (description: string) => ({ description, schema: { type: 'string' } })
  const headers = {
    ...(rows.some((row) => row.retryAfterS !== undefined)
      ? { 'Retry-After': field('Seconds to wait before the next try.') }
      : {}),
    ...(codes.includes('unauthorized') ? { 'WWW-Authenticate': field('What is needed.') } : {}),
    ...(codes.includes('method-not-allowed') ? { Allow: field('The methods to use.') } : {}),
  }
  const schema = codes.includes('batch-incomplete')
    ? { oneOf: [refTo('BatchProblem'), refTo('Problem')] }
    : refTo('Problem')
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(' '),
    headers,
    content: { 'application/problem+json': { schema } },
  }
}

const ok = (description: string, types: string | readonly string[], schema: Schema) => ({
  200: {
    description,
    content: Object.fromEntries([types].flat().map((type) => [type, { schema }])),
  },
})

const publish = {
  operationId: 'publish',
  summary: 'Publish one message',
  description:
    'The body is the message; its bytes are never changed. 200 means: the broker confirmed it and at least one queue has it.',
  parameters: [exchange, ...properties, idempotencyKey, ...trace],
  requestBody: {
    description:
      'Bytes of any type. What is called JSON must be well-formed UTF-8 JSON. A JSON object or array without a type, or called a form, is labelled `application/json`.',
    // Any other type, too; these are for whoever tries it on the page.
    content: {
      'application/json': { example: { hello: 'Gonzalo' } },
      'text/plain': { example: 'hello' },
      '*/*': {},
    },
  },
  responses: {
    ...ok('Published.', 'application/json', refTo('Published')),
    ...problems(PUBLISHING),
  },
}

const messages = {
  type: 'object',
  properties: { messages: refTo('Batch') },
  required: ['messages'],
}

const batch = {
  operationId: 'publishBatch',
  summary: 'Publish many messages',
  description:
    'Up to 1,000 messages, published in their order, each in the envelope of the RabbitMQ management API. 200 means that all were published; otherwise `results` says of each what became of it.',
  parameters: [exchange, ...trace],
  requestBody: {
    required: true,
    content: {
      'application/json': { schema: { oneOf: [refTo('Batch'), messages, refTo('Envelope')] } },
      'application/x-ndjson': {
        schema: { type: 'string', description: 'One envelope a line.' },
      },
    },
  },
  responses: {
    ...ok('All were published.', 'application/json', refTo('BatchPublished')),
    ...problems(BATCH),
  },
}

/** An operation that needs no token. */
const open = (
  operationId: string,
  summary: string,
  types: string | readonly string[],
  schema: Schema,
) => ({
  operationId,
  summary,
  security: [],
  responses: { ...ok('It is here.', types, schema), ...problems(ANYWHERE) },
})

const code = {
  name: 'code',
  in: 'path',
  required: true,
  description: 'The `code` of a problem.',
  schema: { enum: Object.keys(PROBLEMS) },
}

const health = open('health', 'Whether the API answers', 'application/json', refTo('Health'))
const document = open('openapi', 'This document', 'application/json', { type: 'object' })
const page = open('docs', 'This document as a page, to try it', 'text/html', { type: 'string' })
const FILES = ['text/javascript', 'text/css', 'text/plain']
const pageFile = open('docsAsset', 'A file of that page', FILES, { type: 'string' })
const explain = open('explainProblem', 'What a problem means', 'text/html', { type: 'string' })

const asset = {
  name: 'asset',
  in: 'path',
  required: true,
  description: 'Name of the file.',
  schema: { type: 'string' },
}

const ready = {
  operationId: 'ready',
  summary: 'Whether a message could be published now',
  description:
    'On API Gateway only. The gateway answers it on its admin port, without a token; here it is 404.',
  responses: {
    ...ok('It could.', 'application/json', refTo('Ready')),
    ...problems(READINESS),
  },
}

/** The interface as an OpenAPI 3.1 document, made of what checks requests and makes answers. */
export const openApi = {
  openapi: '3.1.1',
  info: {
    title: 'Warren',
    version: VERSION,
    description: 'Puts messages into RabbitMQ by HTTP, and says truthfully whether they got there.',
    license: { name: 'MIT', identifier: 'MIT' },
  },
  // Relative to this document: a stage's name may stand before every path.
  servers: [{ url: './' }],
  security: [{ bearer: [] }],
  paths: {
    '/publish/{exchange}': { post: publish },
    '/batch/{exchange}': { post: batch },
    '/health': { get: health },
    '/health/ready': { get: ready },
    '/openapi.json': { get: document },
    '/docs': { get: page },
    '/docs/{asset}': { get: { ...pageFile, parameters: [asset] } },
    '/problems/{code}': { get: { ...explain, parameters: [code] } },
  },
  components: {
    schemas: SCHEMAS,
    securitySchemes: { bearer: { type: 'http', scheme: 'bearer' } },
  },
} as const
