import { PROBLEMS } from '#lib/errors.ts'
import { ANYWHERE, BATCH, PUBLISHING, problems, READINESS } from './openapi-problems.ts'
import { refTo, SCHEMAS, type Schema, schemaOf } from './openapi-schemas.ts'
import { headerOf, PROPERTIES, PROPERTY_NAMES } from './properties.ts'

/** The version of the interface, not of the software. */
const VERSION = '1.0.0'

const exchange = {
  name: 'exchange',
  in: 'path',
  required: true,
  schema: { type: 'string', minLength: 1, maxLength: 255 },
  description:
    'Name of the exchange, percent-encoded once. A `/` in it may stand as it is, except at the end.',
}

/** The page would send an empty object for `content`, whatever the other of the two holds. */
const JSON_TEXT = {
  type: 'string',
  contentMediaType: 'application/json',
  contentSchema: { type: 'object' },
}

/** Each property twice: as a parameter of the query, and as a header. */
const properties = PROPERTY_NAMES.flatMap((name) => {
  const { kind, says: description } = PROPERTIES[name]
  const schema = kind === 'table' ? JSON_TEXT : schemaOf(name)
  return [
    { name, in: 'query', description, schema },
    { name: headerOf(name), in: 'header', description, schema },
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

const ok = (description: string, types: string | readonly string[], schema: Schema) => ({
  200: {
    description,
    content: Object.fromEntries([types].flat().map((type) => [type, { schema }])),
  },
})

const publish = {
  operationId: 'publish',
  tags: ['Messages'],
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
  tags: ['Messages'],
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
  tags: ['About'],
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
  tags: ['About'],
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
  servers: [{ url: './', description: 'Where this document is' }],
  security: [{ bearer: [] }],
  tags: [
    { name: 'Messages', description: 'Need a token.' },
    { name: 'About', description: 'Of this installation.' },
  ],
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
    securitySchemes: {
      bearer: {
        type: 'http',
        scheme: 'bearer',
        description: 'A token that the operator gave you.',
      },
    },
  },
} as const
