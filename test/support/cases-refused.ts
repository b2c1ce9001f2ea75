import type { ProblemCode } from '#lib/errors.ts'
import type { Case } from './cases.ts'
import type { Sent } from './send.ts'

const ORDERS = '/publish/orders'
const MIB = 1024 * 1024

/** A request that is refused; the rest of the answer stands in the status table. */
const refused = (
  name: string,
  problem: ProblemCode,
  request: Sent,
  more: Partial<Case> = {},
): Case => ({ name, problem, request: { body: 'x', ...request }, ...more })

const CALLERS: readonly Case[] = [
  refused('no token', 'unauthorized', { path: ORDERS, headers: { authorization: undefined } }),
  ...['Bearer unknown', 'Basic dTpw', 'Bearer', 'bogus'].map((authorization) =>
    refused(`"${authorization}" is no token that is known`, 'unauthorized', {
      path: ORDERS,
      headers: { authorization },
    }),
  ),
  refused('the exchanges of the broker itself', 'forbidden-destination', {
    path: '/publish/amq.direct?routing_key=orders.all',
  }),
  refused(
    'what is not valid, for an exchange of which the token covers nothing',
    'forbidden-destination',
    {
      path: '/publish/amq.direct?colour=red',
      headers: { 'content-type': 'application/json' },
      body: '{',
    },
  ),
]

const ADDRESSES: readonly Case[] = [
  ...[
    '/',
    '/\\',
    '/nope',
    '/publish',
    '/publish/',
    '/Publish/orders',
    '/health/more',
    '/problems/',
  ].map((path) => refused(`POST ${path} leads nowhere`, 'not-found', { path })),
  ...[
    '/publish/..',
    '/publish/../orders',
    '/publish/a/../orders',
    '/publish/%2e%2e/orders',
    '/publish/./orders',
    '/publish//orders',
    '//publish/orders',
    '/publish/orders//',
    '/publish/%252Forders',
    '/publish/%ZZ',
    '/publish/%ff',
    '/publish/orders%00',
  ].map((path) => refused(`POST ${path} is no address`, 'invalid-request', { path })),
  ...['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'].map((method) =>
    refused(
      `${method} is no way to publish`,
      'method-not-allowed',
      { method, path: ORDERS, body: '' },
      { headers: { allow: 'POST' } },
    ),
  ),
  refused('a problem that there is not', 'not-found', {
    method: 'GET',
    path: '/problems/nope',
    body: '',
  }),
  refused('a file that the page has not', 'not-found', {
    method: 'GET',
    path: '/docs/nope',
    body: '',
  }),
  refused(
    'the gateway tells readiness on its admin port alone',
    'not-found',
    { method: 'GET', path: '/health/ready', body: '' },
    { shells: ['gateway'] },
  ),
  refused(
    'readiness on API Gateway is for callers who are known',
    'unauthorized',
    { method: 'GET', path: '/health/ready', body: '', headers: { authorization: undefined } },
    { shells: ['serverless offline'] },
  ),
  ...['/health', '/openapi.json', '/docs', '/docs/docs.js', '/problems/unroutable'].map((path) =>
    refused(
      `POST is no way to ask for ${path}`,
      'method-not-allowed',
      { path },
      { headers: { allow: 'GET' } },
    ),
  ),
]

const DESTINATIONS: readonly Case[] = [
  refused('an exchange that does not exist', 'exchange-not-found', { path: '/publish/nope' }),
  refused('an exchange that no queue is bound to', 'unroutable', {
    path: '/publish/orders.unbound',
  }),
  refused('a routing key that no queue is bound with', 'unroutable', {
    path: '/publish/orders.by-key?routing_key=us.new',
  }),
  refused('a queue that is full', 'nacked', { path: '/publish/orders.full' }),
]

const BODIES: readonly Case[] = [
  refused('21 MiB', 'body-too-large', { path: ORDERS, body: Buffer.alloc(21 * MIB) }),
  refused(
    '7 MiB for a Lambda',
    'body-too-large',
    { path: ORDERS, body: Buffer.alloc(7 * MIB) },
    { shells: ['serverless offline'] },
  ),
  refused(
    '4.45 MiB, which fits into an event but not under the limit',
    'body-too-large',
    { path: ORDERS, body: Buffer.alloc(Math.floor(4.45 * MIB)) },
    { shells: ['serverless offline'] },
  ),
  ...['{"hello": ', '', 'nope', "{'a': 1}", '{"a": 1} x'].map((body) =>
    refused(`${JSON.stringify(body)} called JSON`, 'malformed-json', {
      path: ORDERS,
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body,
    }),
  ),
  refused('JSON that is not UTF-8', 'malformed-json', {
    path: ORDERS,
    headers: { 'content-type': 'application/json' },
    body: Buffer.from('"\u00fc"', 'latin1'),
  }),
]

const PROPERTIES: readonly Case[] = [
  ...[
    'priority=256',
    'priority=high',
    'delivery_mode=3',
    'expiration=-1',
    'timestamp=1.5',
    'mandatory=maybe',
    'headers=[]',
    'headers={"CC":["other"]}',
    'user_id=guest',
    'reply_to=amq.rabbitmq.reply-to',
    'routing_key=a&routing_key=b',
    'colour=red',
  ].map((query) =>
    refused(`?${query} is no property`, 'invalid-request', {
      path: `${ORDERS}?${encodeURI(query)}`,
    }),
  ),
  refused('an AMQP header that is not known', 'invalid-request', {
    path: ORDERS,
    headers: { 'AMQP-Colour': 'red' },
  }),
  refused('a property given twice, differently', 'invalid-request', {
    path: `${ORDERS}?message_id=a`,
    headers: { 'Idempotency-Key': 'b' },
  }),
]

/** Requests that are refused. */
export const REFUSED: readonly Case[] = [
  ...CALLERS,
  ...ADDRESSES,
  ...DESTINATIONS,
  ...BODIES,
  ...PROPERTIES,
]
