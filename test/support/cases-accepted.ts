import { randomBytes } from 'node:crypto'
import type { Case, ExpectedMessage } from './cases.ts'

const ORDERS = '/publish/orders'
const JSON_TYPE = { 'content-type': 'application/json' }
const taken = (more: Omit<ExpectedMessage, 'queue'> = {}): readonly ExpectedMessage[] => [
  { queue: 'orders.all', ...more },
]
/** The answer to a message for `orders`. */
const OK = { status: 'OK', exchange: 'orders', routingKey: '' }

/** A body keeps its bytes, whatever it is called. */
function bytes(name: string, body: Buffer | string, contentType?: string): Case {
  return {
    name: `the bytes of ${name} arrive as they were sent`,
    request: {
      path: ORDERS,
      headers: contentType === undefined ? {} : { 'content-type': contentType },
      body,
    },
    json: OK,
    messages: taken({ properties: { contentType: contentType ?? 'application/octet-stream' } }),
  }
}

const BODIES: readonly Case[] = [
  bytes('an image', randomBytes(4096), 'image/png'),
  bytes('a protobuf message', randomBytes(4096), 'application/x-protobuf'),
  bytes('a form', randomBytes(4096), 'application/x-www-form-urlencoded'),
  bytes('a multipart form', randomBytes(4096), 'multipart/form-data; boundary=x'),
  bytes('something without a type', randomBytes(4096)),
  bytes(
    'XML in ISO-8859-1',
    Buffer.from('<n>Müller</n>', 'latin1'),
    'text/xml; charset=ISO-8859-1',
  ),
  bytes(
    'JSON with numbers that no double holds',
    '{"n": 12345678901234567890, "n": 1.10}',
    'application/json',
  ),
  bytes('JSON behind a byte order mark', '\ufeff{"a": 1}', 'application/json'),
  bytes('a vendor’s JSON', '[1, 2]\n', 'application/vnd.shop.order+json'),
  bytes('a type that is none', 'x', 'garbage'),
  bytes('a body of nothing', '', 'text/plain'),
  {
    name: 'a body in chunks arrives whole',
    request: { path: ORDERS, headers: JSON_TYPE, body: '{"a": [1, 2, 3]}', chunked: true },
    json: OK,
    messages: taken(),
  },
  {
    name: 'an encoded body stays encoded, and says so',
    request: {
      path: ORDERS,
      headers: { ...JSON_TYPE, 'content-encoding': 'gzip' },
      body: randomBytes(64),
    },
    json: OK,
    messages: taken({
      properties: { contentType: 'application/json', contentEncoding: 'gzip' },
    }),
  },
  {
    name: 'JSON that a client calls a form is labelled as JSON',
    request: {
      path: ORDERS,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: '{"hello": "Gonzalo"}',
    },
    json: OK,
    messages: taken({ properties: { contentType: 'application/json' } }),
  },
  {
    name: 'JSON without a type is labelled as JSON',
    request: { path: ORDERS, body: '[1]' },
    json: OK,
    messages: taken({ properties: { contentType: 'application/json' } }),
  },
]

const DESTINATIONS: readonly Case[] = [
  {
    name: "the predecessor's request gets the predecessor's answer, and more",
    request: { path: ORDERS, headers: JSON_TYPE, body: '{"hello": "Gonzalo"}' },
    json: OK,
    messages: taken({ properties: { deliveryMode: 2, contentType: 'application/json' } }),
  },
  {
    name: 'one slash at the end of the address does not count',
    request: { path: `${ORDERS}/`, body: 'x' },
    json: OK,
    messages: taken(),
  },
  {
    name: 'a slash in the name of an exchange may be sent as it is',
    request: { path: '/publish/orders/%C3%BCber', body: 'x' },
    json: { status: 'OK', exchange: 'orders/über' },
    messages: [{ queue: 'orders.über' }],
  },
  {
    name: 'a slash in the name of an exchange may be percent-encoded',
    request: { path: '/publish/orders%2F%c3%bcber', body: 'x' },
    json: { status: 'OK', exchange: 'orders/über' },
    messages: [{ queue: 'orders.über' }],
  },
  {
    name: 'the routing key comes from the query',
    request: { path: '/publish/orders.by-key?routing_key=eu.new', body: 'x' },
    json: { status: 'OK', exchange: 'orders.by-key', routingKey: 'eu.new' },
    messages: [{ queue: 'orders.eu' }],
  },
  {
    name: 'the routing key comes from a header',
    request: {
      path: '/publish/orders.by-key',
      headers: { 'AMQP-Routing-Key': 'eu.new' },
      body: 'x',
    },
    json: { status: 'OK', exchange: 'orders.by-key', routingKey: 'eu.new' },
    messages: [{ queue: 'orders.eu' }],
  },
  {
    name: 'with mandatory=false a message may go to nobody',
    request: { path: '/publish/orders.unbound?mandatory=false', body: 'x' },
    json: { status: 'OK', exchange: 'orders.unbound', routed: false },
  },
  {
    name: 'with mandatory=false a message goes to whoever listens',
    request: { path: `${ORDERS}?mandatory=false`, body: 'x' },
    json: OK,
    messages: taken(),
  },
]

const PROPERTIES: readonly Case[] = [
  {
    name: 'Idempotency-Key becomes the message id',
    request: { path: ORDERS, headers: { 'Idempotency-Key': '"8e03978e"' }, body: 'x' },
    json: { ...OK, messageId: '8e03978e' },
    messages: taken({ properties: { messageId: '8e03978e' } }),
  },
  {
    name: 'message_id is the message id',
    request: { path: `${ORDERS}?message_id=m-1`, body: 'x' },
    json: { ...OK, messageId: 'm-1' },
    messages: taken({ properties: { messageId: 'm-1' } }),
  },
  {
    name: 'every property arrives',
    request: {
      path: `${ORDERS}?priority=7&delivery_mode=1&timestamp=1700000000&type=order.created`,
      headers: {
        'AMQP-Correlation-Id': 'c-1',
        'AMQP-Reply-To': 'answers',
        'AMQP-App-Id': 'shop',
        'AMQP-Headers': '{"tenant": "eu", "try": 3}',
      },
      body: 'x',
    },
    json: OK,
    messages: taken({
      properties: {
        priority: 7,
        deliveryMode: 1,
        timestamp: 1_700_000_000,
        type: 'order.created',
        correlationId: 'c-1',
        replyTo: 'answers',
        appId: 'shop',
      },
      headers: { tenant: 'eu', try: 3 },
    }),
  },
  {
    name: 'a message that expires says when it was taken',
    request: { path: `${ORDERS}?expiration=60000`, body: 'x' },
    json: OK,
    messages: taken({ properties: { expiration: '60000' } }),
  },
  {
    name: 'the trace of a request goes on in the message',
    request: {
      path: ORDERS,
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
      body: 'x',
    },
    json: OK,
    messages: taken({
      headers: { traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' },
    }),
  },
]

/** What needs no token. */
const OPEN: readonly Case[] = [
  {
    name: 'health needs no token',
    request: { method: 'GET', path: '/health', headers: { authorization: undefined } },
    json: { status: 'ok' },
  },
  {
    name: 'the interface is described for programs',
    request: { method: 'GET', path: '/openapi.json', headers: { authorization: undefined } },
    json: { openapi: '3.1.1' },
  },
  {
    name: 'every problem is explained to people, where its type leads',
    request: { method: 'GET', path: '/problems/unroutable', headers: { authorization: undefined } },
    headers: { 'content-type': 'text/html; charset=utf-8' },
  },
  ...['/docs', '/docs/'].map(
    (path): Case => ({
      name: `the interface is a page at ${path}`,
      request: { method: 'GET', path, headers: { authorization: undefined } },
      headers: { 'content-type': 'text/html; charset=utf-8', 'x-content-type-options': 'nosniff' },
    }),
  ),
  {
    name: 'the page has a script',
    request: { method: 'GET', path: '/docs/docs.js', headers: { authorization: undefined } },
    headers: { 'content-type': 'text/javascript; charset=utf-8' },
  },
]

/** Requests that are answered with 200. */
export const ACCEPTED: readonly Case[] = [...DESTINATIONS, ...BODIES, ...PROPERTIES, ...OPEN]
