import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { createPublish } from '#functions/publish/publish.ts'
import type { Receipt } from '#lib/amqp/message.ts'
import type { Grant } from '#lib/auth/grants.ts'
import { PROBLEMS, type ProblemCode, WarrenError } from '#lib/errors.ts'
import { createShares } from '#lib/shares.ts'
import { fakePublisher } from '../support/publisher.ts'
import { anybody, publishRequest, type RequestOptions, recordedLog } from '../support/requests.ts'

const taken = async () => ({ routed: true, attempts: 1 })

async function post(
  options: RequestOptions,
  grants: readonly Grant[] = anybody.publish,
  receive: () => Promise<Receipt> = taken,
) {
  const { publisher, published, deadlines, activity } = fakePublisher(receive)
  const { log, lines } = recordedLog()
  const deps = { publisher, log, maxBodyBytes: 10, shares: createShares(), now: Date.now }
  const request = publishRequest(options, { name: 'tester', publish: grants })
  const response = await createPublish(deps)(request)
  const json = JSON.parse(response.body)
  return { response, json, published, deadlines, lines, request, activity }
}

async function refused(code: ProblemCode, options: RequestOptions, grants?: readonly Grant[]) {
  const { response, json, published, lines } = await post(options, grants)
  assert.deepEqual([response.status, json.code], [PROBLEMS[code].status, code])
  assert.deepEqual(published, [], 'nothing was published')
  assert.equal(lines.length, 1)
  return json
}

describe('publishing', () => {
  test('answers what the predecessor did, and more', async () => {
    const query = { routing_key: 'eu.new', message_id: 'm-1' }
    const { response, json, published, deadlines, request, activity } = await post({ query })
    assert.deepEqual(json, {
      status: 'OK',
      exchange: 'orders',
      routingKey: 'eu.new',
      messageId: 'm-1',
    })
    assert.deepEqual([response.status, response.headers['content-type']], [200, 'application/json'])
    assert.equal(published[0]?.body, request.body)
    assert.deepEqual([...deadlines], [request.deadline])
    assert.equal(activity.notes, 1, 'the publisher was told of the request')
  })

  test('makes an id, and tells it', async () => {
    const { json, published } = await post({})
    assert.equal(json.messageId, published[0]?.properties.messageId)
    assert.match(json.messageId, /^[0-9a-f-]{36}$/)
  })

  test('says when nobody took a message that nobody had to take', async () => {
    const query = { mandatory: 'false' }
    const nobody = async () => ({ routed: false, attempts: 1 })
    const { response, json, published, lines } = await post({ query }, undefined, nobody)
    assert.deepEqual([response.status, json.status, json.routed], [200, 'OK', false])
    assert.equal(published[0]?.mandatory, false)
    assert.equal(lines[0]?.['outcome'], 'not-routed')
    assert.ok(!('routed' in (await post({ query })).json))
  })

  test('tells a failure with exchange, id and outcome, and logs one line', async () => {
    const query = { message_id: 'm-1' }
    const failing = () => Promise.reject(new WarrenError('confirm-timeout'))
    const { response, json, lines } = await post({ query }, undefined, failing)
    assert.equal(response.status, 504)
    assert.deepEqual(
      [json.exchange, json.messageId, json.outcome, json.instance],
      ['orders', 'm-1', 'unknown', 'request-1'],
    )
    assert.deepEqual([lines.length, lines[0]?.['principal']], [1, 'tester'])
  })
})

describe('publishing is refused', () => {
  test('for a bad path, whatever else is wrong', async () => {
    await refused('invalid-request', { path: '/publish/a/../b', body: 'x'.repeat(11) }, [])
    await refused('not-found', { path: '/publish/', body: 'x'.repeat(11) }, [])
  })

  test('for a body over the limit before anything is read of the request', async () => {
    const json = await refused(
      'body-too-large',
      { body: 'x'.repeat(11), query: { colour: 'red' } },
      [],
    )
    assert.equal(json.maxBytes, 10)
    assert.equal((await post({ body: 'x'.repeat(10) })).response.status, 200)
  })

  test('for a bad request before its routing key is looked at', async () => {
    const query = { colour: 'red', priority: 'x' }
    const grants = [{ exchange: 'orders', routingKeys: ['eu.*'] }]
    const json = await refused('invalid-request', { query }, grants)
    assert.equal(json.errors.length, 2)
  })

  test('for an exchange of which no routing key is in scope before anything is read', async () => {
    await refused('forbidden-destination', { query: { colour: 'red' }, body: '{' }, [])
  })

  test('for a destination out of scope before its existence is asked for', async () => {
    const grants = [{ exchange: 'orders', routingKeys: ['eu.*'] }]
    await refused('forbidden-destination', { path: '/publish/other' }, grants)
    await refused('forbidden-destination', { query: { routing_key: 'us.new' } }, grants)
    await refused('forbidden-destination', {}, [])
    const inScope = await post({ query: { routing_key: 'eu.new' } }, grants)
    assert.equal(inScope.response.status, 200)
  })

  test('for the broker’s own exchanges, unless one is granted by its name', async () => {
    await refused('forbidden-destination', { path: '/publish/amq.direct' })
    const byName = await post({ path: '/publish/amq.direct' }, [{ exchange: 'amq.direct' }])
    assert.equal(byName.response.status, 200)
  })
})
