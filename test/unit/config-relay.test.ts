import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '#lib/config.ts'
import { readRelay } from '#lib/config-relay.ts'

const LEAST = { EXCHANGE: 'exchange', QUEUE_TOPIC: 'topic1' }

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    readRelay(env)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return assert.fail('it was accepted')
}

test("the predecessor's settings mean what they say", () => {
  const settings = readRelay({ ...LEAST, QUEUE_DURABLE: '1', QUEUE_AUTO_DELETE: '0' })
  assert.equal(settings.exchange, 'exchange')
  assert.deepEqual(settings.destination, { kind: 'queue', queue: 'topic1' })
  assert.equal(settings.queueDurable, true)
  assert.equal(settings.queueAutoDelete, false)
  const off = readRelay({ ...LEAST, QUEUE_DURABLE: 'no', QUEUE_AUTO_DELETE: 'TRUE' })
  assert.equal(off.queueDurable, false)
  assert.equal(off.queueAutoDelete, true)
})

test('staging and parking queue are named after exchange and destination, or as set', () => {
  const settings = readRelay(LEAST)
  assert.equal(settings.stagingQueue, 'relay.exchange.topic1')
  assert.equal(settings.deadLetterQueue, 'relay.exchange.topic1.dead')
  const named = readRelay({ ...LEAST, STAGING_QUEUE: 'mine', DEAD_LETTER_QUEUE: 'poison' })
  assert.equal(named.stagingQueue, 'mine')
  assert.equal(named.deadLetterQueue, 'poison')
})

test('the destination is a queue or an exchange, not both and not none', () => {
  const toExchange = { EXCHANGE: 'e', DEST_EXCHANGE: 'x' }
  assert.deepEqual(readRelay(toExchange).destination, { kind: 'exchange', exchange: 'x' })
  assert.deepEqual(readRelay({ ...toExchange, DEST_ROUTING_KEY: '' }).destination, {
    kind: 'exchange',
    exchange: 'x',
    routingKey: '',
  })
  assert.match(problemsOf({ EXCHANGE: 'e' }).join(), /QUEUE_TOPIC must be set/)
  assert.match(problemsOf({ ...LEAST, DEST_EXCHANGE: 'x' }).join(), /not both/)
})

test('settings that contradict each other are refused, all at once', () => {
  const quorum = { ...LEAST, QUEUE_TYPE: 'quorum', QUEUE_DURABLE: '0', QUEUE_AUTO_DELETE: '1' }
  assert.equal(problemsOf(quorum).length, 2)
  const bind = { ...LEAST, RELAY_MODE: 'bind' }
  assert.match(problemsOf({ ...bind, DEST_URL: 'amqp://other' }).join(), /one vhost/)
  assert.match(problemsOf({ ...LEAST, DEST_ROUTING_KEY: 'k' }).join(), /needs DEST_EXCHANGE/)
  const keyed = { EXCHANGE: 'e', DEST_EXCHANGE: 'x', DEST_ROUTING_KEY: 'k' }
  assert.match(problemsOf({ ...keyed, RELAY_MODE: 'bind' }).join(), /cannot change a routing key/)
  assert.match(problemsOf({ ...keyed, ON_MISSING: 'declare' }).join(), /declares queues only/)
})

test('binding arguments are a JSON object with plain values', () => {
  const read = (value: string) => readRelay({ ...LEAST, BINDING_ARGUMENTS: value }).bindingArguments
  assert.deepEqual(read('{"x-match":"any","n":1,"yes":true}'), {
    'x-match': 'any',
    n: 1,
    yes: true,
  })
  for (const value of ['[]', '1', 'x', '{"a":null}', '{"a":1.5}', '{"a":{}}']) {
    const wrong = problemsOf({ ...LEAST, BINDING_ARGUMENTS: value })
    assert.match(wrong.join(), /BINDING_ARGUMENTS must be a JSON object/, value)
  }
})

test("the other broker's URL is never shown", () => {
  const wrong = problemsOf({ ...LEAST, DEST_URL: 'http://me:hidden@host' })
  assert.deepEqual(wrong, ['DEST_URL must be a URL like amqp://user:password@host:5672/vhost'])
})
