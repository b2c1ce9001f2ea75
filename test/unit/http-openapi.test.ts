import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { openapi } from '#functions/openapi/openapi.ts'
import { PROBLEMS, type ProblemCode, WarrenError } from '#lib/errors.ts'
import { createFaults } from '#lib/http/faults.ts'
import { openApi } from '#lib/http/openapi.ts'
import { SCHEMAS, schemaOf } from '#lib/http/openapi-schemas.ts'
import { problemResponse } from '#lib/http/problem.ts'
import { headerOf, PROPERTIES, PROPERTY_NAMES } from '#lib/http/properties.ts'
import { REST_API_ROUTES } from '#lib/http/routes.ts'
import { checkValue } from '#lib/http/values.ts'
import { sendItems } from '../support/batch.ts'
import { assertDocumented } from '../support/documented.ts'
import { faultsOf } from '../support/json-schema.ts'

const fits = (value: unknown, schema: object) =>
  faultsOf(value, { ...schema }, { path: '', schemas: SCHEMAS }).length === 0

describe('the OpenAPI document', () => {
  test('is served as JSON', () => {
    const { status, headers, body } = openapi()
    assert.deepEqual([status, headers['content-type']], [200, 'application/json'])
    assert.deepEqual(JSON.parse(body), JSON.parse(JSON.stringify(openApi)))
  })

  test('has every route with its methods, and no other', () => {
    const documented = Object.entries(openApi.paths).map(([path, operations]) => [
      path.replace(/\{\w+\}$/, ''),
      Object.keys(operations).map((method) => method.toUpperCase()),
    ])
    const routes = Object.values(REST_API_ROUTES).map(({ path, methods }) => [path, [...methods]])
    assert.deepEqual(documented.toSorted(), routes.toSorted())
  })

  test('refers to nothing that is not there, and has nothing that nobody refers to', () => {
    const refs = [...JSON.stringify(openApi).matchAll(/"#\/components\/schemas\/(\w+)"/g)]
    const named = new Set(refs.map(([, name]) => name))
    assert.deepEqual([...named].toSorted(), Object.keys(SCHEMAS).toSorted())
  })

  test('has every property, as a header and as a parameter', () => {
    const names = openApi.paths['/publish/{exchange}'].post.parameters.map(
      (parameter) => `${parameter.in} ${parameter.name}`,
    )
    for (const name of PROPERTY_NAMES) {
      assert.ok(names.includes(`query ${name}`), name)
      assert.ok(names.includes(`header ${headerOf(name)}`), name)
    }
    assert.equal(new Set(names).size, names.length)
  })

  test('has different names for its operations', () => {
    const ids = Object.values(openApi.paths).flatMap((operations) =>
      Object.values(operations).map(({ operationId }) => operationId),
    )
    assert.equal(new Set(ids).size, ids.length)
  })

  for (const code of Object.keys(PROBLEMS) as ProblemCode[]) {
    test(`knows the problem ${code}`, () => {
      const errors = [{ pointer: '#/body', detail: 'no' }]
      const error = new WarrenError(code, { errors, maxBytes: 1 })
      const { status, headers, body } = problemResponse(error, {
        instance: 'r',
        exchange: 'e',
        messageId: 'm',
      })
      // A batch as a whole has one problem more; and that has results.
      const schema = code === 'batch-incomplete' ? SCHEMAS.Problem : undefined
      if (schema !== undefined) return assert.ok(fits(JSON.parse(body), schema))
      const target = code === 'unsupported-media-type' ? '/batch/e' : '/publish/e'
      const contentType = headers['content-type'] ?? ''
      return assertDocumented('POST', target, { status, contentType, body })
    })
  }

  test('knows the answers to a batch', async () => {
    for (const payloads of [
      ['a', 'b'],
      ['a', 'unroutable'],
      ['a', 'nacked'],
      ['{}', 'bug'],
    ]) {
      const { status, headers, json } = await sendItems(payloads.map((payload) => ({ payload })))
      const contentType = headers['content-type'] ?? ''
      assertDocumented('POST', '/batch/orders', { status, contentType, body: JSON.stringify(json) })
    }
  })

  test('does not know what is not so', () => {
    const contentType = 'application/json'
    const answer = { status: 200, contentType, body: '{"status":"OK","exchange":"e"}' }
    assert.throws(() => assertDocumented('POST', '/publish/e', answer), /lacks routingKey/)
    assert.throws(() => assertDocumented('POST', '/publish/e', { ...answer, status: 202 }))
    assert.throws(() => assertDocumented('GET', '/nope', answer))
  })
})

test('a value that a rule allows fits its schema, and one that it does not allow does not', () => {
  const value = fc.oneof(
    fc.string({ maxLength: 300 }),
    fc.constantFrom(
      '',
      'amq.rabbitmq.reply-to',
      'amq.rabbitmq.reply-to.x',
      'amqXrabbitmq.reply-to',
    ),
    fc.integer({ min: -1, max: 300 }),
    fc.constantFrom(0, 1, 2, 3, 255, 256, 4_294_967_295, 4_294_967_296, 2 ** 53 - 1, 2 ** 53, 0.5),
    fc.boolean(),
    fc.constantFrom(null, [], {}),
  )
  fc.assert(
    fc.property(fc.constantFrom(...PROPERTY_NAMES), value, (name, candidate) => {
      // A schema counts characters, AMQP counts bytes.
      fc.pre(typeof candidate !== 'string' || Buffer.byteLength(candidate) === candidate.length)
      const isAllowed = checkValue(PROPERTIES[name], candidate, [], createFaults())
      assert.equal(fits(candidate, schemaOf(name)), isAllowed, name)
    }),
    { numRuns: 3_000 },
  )
})

test('an envelope that is taken fits its schema, and one that is refused does not', async () => {
  const envelope = fc.record(
    {
      payload: fc.oneof(fc.constantFrom('a', ''), fc.constantFrom(1, null)),
      routing_key: fc.constantFrom('a', 5),
      payload_encoding: fc.constantFrom('string', 'base32'),
      mandatory: fc.constantFrom(true, 'yes'),
      colour: fc.constant(1),
      properties: fc.record(
        {
          priority: fc.constantFrom(1, 256),
          message_id: fc.constantFrom('m', ''),
          headers: fc.constantFrom({ a: 1 }, 'x'),
          content_type: fc.constantFrom('text/plain', 1),
          user_id: fc.constant('guest'),
        },
        { requiredKeys: [], noNullPrototype: true },
      ),
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  await fc.assert(
    fc.asyncProperty(envelope, async (item) => {
      const { status } = await sendItems([item])
      assert.equal(fits(item, SCHEMAS.Envelope), status === 200)
    }),
    { numRuns: 1_000 },
  )
})
