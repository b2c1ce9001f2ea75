import { randomBytes } from 'node:crypto'
import type { ProblemCode } from '#lib/errors.ts'
import type { Case } from './cases.ts'

const BATCH = '/batch/orders'
const JSON_TYPE = { 'content-type': 'application/json' }
const LINES = { 'content-type': 'application/x-ndjson' }
const BYTES = randomBytes(1024)

const three = ['one', 'two', 'three'].map((payload) => ({ payload, payload_encoding: 'string' }))
const messages = three.map(({ payload }) => ({ queue: 'orders.all', body: payload }))
const OK = { status: 'OK', exchange: 'orders' }
const done = { status: 200 }

/** Batches that are published whole. */
const WHOLE: readonly Case[] = [
  {
    name: 'a list of messages is published in order',
    request: { path: BATCH, headers: JSON_TYPE, body: JSON.stringify(three) },
    json: { ...OK, results: [done, done, done] },
    messages,
  },
  {
    name: 'an object with a list of messages is published in order',
    request: { path: BATCH, headers: JSON_TYPE, body: JSON.stringify({ messages: three }) },
    json: { ...OK, results: [done, done, done] },
    messages,
  },
  {
    name: 'lines of messages are published in order',
    request: {
      path: BATCH,
      headers: LINES,
      body: three.map((item) => `${JSON.stringify(item)}\n`).join(''),
    },
    json: { ...OK, results: [done, done, done] },
    messages,
  },
  {
    name: "an item has the management API's envelope",
    request: {
      path: '/batch/orders.by-key',
      headers: JSON_TYPE,
      body: JSON.stringify([
        {
          routing_key: 'eu.new',
          properties: { message_id: 'm-1', priority: 3, content_type: 'image/png' },
          payload: BYTES.toString('base64'),
          payload_encoding: 'base64',
        },
      ]),
    },
    json: { status: 'OK', exchange: 'orders.by-key', results: [{ ...done, messageId: 'm-1' }] },
    messages: [
      {
        queue: 'orders.eu',
        body: BYTES,
        properties: { messageId: 'm-1', priority: 3, contentType: 'image/png' },
      },
    ],
  },
]

const failed = (code: ProblemCode) => ({ code })

/** A bad item never stops the others. */
const PARTLY: readonly Case[] = [
  {
    name: 'a bad item among good ones is the only one that is not published',
    request: {
      path: BATCH,
      headers: JSON_TYPE,
      body: JSON.stringify([three[0], { payload: 1 }, three[2]]),
    },
    status: 422,
    problem: 'batch-incomplete',
    json: {
      outcome: 'partial',
      retryable: false,
      results: [done, failed('invalid-request'), done],
    },
    headers: { 'retry-after': undefined },
    messages: messages.filter(({ body }) => body !== 'two'),
  },
  {
    name: 'an item that no queue takes is told apart from those that were taken',
    request: {
      path: '/batch/orders.by-key',
      headers: LINES,
      body: ['us.new', 'eu.new']
        .map((routing_key) => `${JSON.stringify({ routing_key, payload: 'x' })}\n`)
        .join(''),
    },
    status: 422,
    problem: 'batch-incomplete',
    json: { outcome: 'partial', retryable: false, results: [failed('unroutable'), done] },
    headers: { 'retry-after': undefined },
    messages: [{ queue: 'orders.eu', body: 'x' }],
  },
  {
    name: 'a batch of which nothing got through says so',
    request: { path: '/batch/nope', headers: JSON_TYPE, body: JSON.stringify(three) },
    status: 422,
    problem: 'batch-incomplete',
    json: {
      outcome: 'not-published',
      retryable: false,
      results: three.map(() => failed('exchange-not-found')),
    },
    headers: { 'retry-after': undefined },
  },
  {
    name: 'a batch that may be sent again says so',
    request: {
      path: '/batch/orders.full',
      headers: JSON_TYPE,
      body: JSON.stringify([{ payload: 'x' }]),
    },
    status: 503,
    problem: 'batch-incomplete',
    json: { outcome: 'partial', retryable: true, results: [failed('nacked')] },
    headers: { 'retry-after': '1' },
  },
]

const refused = (name: string, problem: ProblemCode, request: Case['request']): Case => ({
  name,
  problem,
  request: { headers: JSON_TYPE, body: JSON.stringify(three), ...request },
})

const REFUSED: readonly Case[] = [
  refused('an empty batch', 'invalid-request', { path: BATCH, body: '[]' }),
  refused('a batch of 1001 messages', 'invalid-request', {
    path: BATCH,
    body: JSON.stringify(Array.from({ length: 1001 }, () => ({ payload: 'x' }))),
  }),
  refused('a batch that is no JSON', 'malformed-json', { path: BATCH, body: '[{' }),
  refused('a batch in XML', 'unsupported-media-type', {
    path: BATCH,
    headers: { 'content-type': 'text/xml' },
    body: '<a/>',
  }),
  refused('one key for a whole batch', 'invalid-request', {
    path: BATCH,
    headers: { ...JSON_TYPE, 'Idempotency-Key': 'k' },
  }),
  refused('one property for a whole batch', 'invalid-request', {
    path: `${BATCH}?routing_key=a`,
  }),
  refused('a batch without a token', 'unauthorized', {
    path: BATCH,
    headers: { ...JSON_TYPE, authorization: undefined },
  }),
  refused('a batch for an exchange of which the token covers nothing', 'forbidden-destination', {
    path: '/batch/amq.direct',
    body: '[{',
  }),
  refused('a batch for nowhere', 'not-found', { path: '/batch/' }),
  refused('a batch for a bad address', 'invalid-request', { path: '/batch/a/../b' }),
  {
    ...refused('GET is no way to publish a batch', 'method-not-allowed', {
      method: 'GET',
      path: BATCH,
      body: '',
    }),
    headers: { allow: 'POST' },
  },
]

/** Requests with many messages. */
export const BATCHES: readonly Case[] = [...WHOLE, ...PARTLY, ...REFUSED]
