import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, before, test } from 'node:test'
import { type Broker, startBroker } from '../support/broker.ts'
import { keepLedger, publishIds } from '../support/ledger.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'

let broker: Broker
let observer: Observer

before(async () => {
  broker = await startBroker()
  observer = await observe(broker.amqpUrl)
})

after(async () => {
  await observer?.close()
  await broker?.dispose()
})

test('every wrong setting ends the start at once, in plain words, without a secret', async (t) => {
  const start = startRelay(t, {
    AMQP_URL: 'http://me:hidden-secret@nowhere',
    QUEUE_TOPIC: 'q',
    QUEUE_DURABLE: 'maybe',
    QUEUE_TYPE: 'quorum',
    QUEUE_AUTO_DELETE: '2',
    HOLD_MS: '-1',
    BINDING_ARGUMENTS: '[1]',
  })
  await assert.rejects(start, (error: Error) => {
    assert.match(error.message, /exit code 2/)
    for (const setting of [
      'AMQP_URL must be a URL',
      'EXCHANGE must be set',
      'QUEUE_DURABLE must be one of',
      'QUEUE_AUTO_DELETE must be one of',
      'HOLD_MS must be a whole number',
      'BINDING_ARGUMENTS must be a JSON object',
    ]) {
      assert.ok(error.message.includes(setting), `${setting} in ${error.message}`)
    }
    assert.doesNotMatch(error.message, /hidden-secret|\bat .*\.ts/)
    return true
  })
})

test('a login that the broker refuses ends the start, without a secret', async (t) => {
  const start = startRelay(t, {
    RABBIT_PORT: String(broker.amqpPort),
    RABBIT_USER: 'nobody',
    RABBIT_PASS: 'hidden-secret',
    EXCHANGE: 'x',
    QUEUE_TOPIC: 'q',
  })
  await assert.rejects(start, (error: Error) => {
    assert.match(error.message, /exit code 2/)
    assert.match(error.message, /the broker refuses the relay: .*ACCESS_REFUSED/)
    assert.doesNotMatch(error.message, /hidden-secret|\bat .*\.ts/)
    return true
  })
})

test('a health port that is taken ends the start', async (t) => {
  const server = createServer().listen(0, '127.0.0.1')
  t.after(() => server.close())
  await until('listening', () => server.listening)
  const { port } = server.address() as { port: number }
  const start = startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'x',
    QUEUE_TOPIC: 'q',
    HEALTH_PORT: String(port),
  })
  await assert.rejects(start, /exit code 2.*HEALTH_PORT \d+ .* is taken/s)
})

test('SIGTERM under load: exits in time, and nothing that was confirmed comes again', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'term', QUEUE_TOPIC: 'term.q' }
  const first = await startRelay(t, settings)
  const ledger = await keepLedger(broker.amqpUrl, 'term.q')
  t.after(() => ledger.close())
  const published = publishIds(broker.amqpUrl, 'term', 5000)
  await until('under way', () => ledger.ids.length > 1000)
  const startedMs = performance.now()
  assert.deepEqual(await first.child.stop(8000), { code: 0, signal: null })
  assert.ok(performance.now() - startedMs < 8000)
  await published
  await startRelay(t, settings)
  assert.deepEqual(await ledger.complete(5000), { distinct: 5000, duplicates: 0, inOrder: true })
})

test('SIGTERM while the destination refuses: exits in time, and nothing is lost', async (t) => {
  const limited = { 'x-max-length': 5, 'x-overflow': 'reject-publish' }
  await observer.channel.assertQueue('stop.q', { durable: true, arguments: limited })
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'stop', QUEUE_TOPIC: 'stop.q' }
  const relay = await startRelay(t, settings)
  await publishIds(broker.amqpUrl, 'stop', 100)
  await until('refusals', async () => (await relay.metric('nacked_total')) > 0)
  assert.deepEqual(await relay.child.stop(8000), { code: 0, signal: null })
  const ledger = await keepLedger(broker.amqpUrl, 'stop.q')
  t.after(() => ledger.close())
  await startRelay(t, settings)
  assert.equal((await ledger.complete(100)).distinct, 100)
})

test('a second replica is a ready standby that takes over', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'two', QUEUE_TOPIC: 'two.q' }
  const active = await startRelay(t, settings)
  const standby = await startRelay(t, settings)
  const ledger = await keepLedger(broker.amqpUrl, 'two.q')
  t.after(() => ledger.close())
  const published = publishIds(broker.amqpUrl, 'two', 5000)
  await until('under way', () => ledger.ids.length > 1000)
  assert.equal(await standby.metric('forwarded_total'), 0)
  assert.equal((await standby.readiness()).status, 200)
  active.child.signal('SIGKILL')
  await published
  // A fast relay may have copied all of them by then.
  await publishIds(broker.amqpUrl, 'two', 1000, { from: 5000 })
  const account = await ledger.complete(6000)
  assert.ok(account.inOrder)
  assert.ok(account.duplicates <= 500, `${account.duplicates} duplicates`)
  assert.ok((await standby.metric('forwarded_total')) > 0)
})

test('waits for a broker that is not there yet, and says so', async (t) => {
  const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await until('listening', () => server.listening)
  const { port } = server.address() as { port: number }
  const settings = { RABBIT_PORT: String(port), EXCHANGE: 'x', QUEUE_TOPIC: 'q' }
  const relay = await startRelay(t, settings, (line) => line.includes('cannot connect'))
  const { status, reasons } = await relay.readiness()
  assert.equal(status, 503)
  assert.match(reasons.join(), /no connection to the source/)
  assert.deepEqual(await relay.child.stop(5000), { code: 0, signal: null })
})

test('on AWS its log tells CloudWatch what waits', async (t) => {
  const relay = await startRelay(t, {
    ...{ AMQP_URL: broker.amqpUrl, EXCHANGE: 'cloud', QUEUE_TOPIC: 'cloud.q' },
    METRICS_STACK: 'warren-dev',
  })
  const isReport = (line: object) => '_aws' in line
  const report = await until('a report', () => relay.lines.find(isReport))
  assert.partialDeepStrictEqual(report, { Stack: 'warren-dev', Staging: 'relay.cloud.cloud.q' })
})
