import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { openConnection } from '#lib/amqp/connection.ts'
import { connectError } from '#lib/amqp/errors.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { describeError } from '#lib/log.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { startRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'

const ending = endOfFile()
let broker: Broker

before(async () => {
  broker = await startBroker()
  ending.after(() => broker.dispose())
})

const open = (url: string) =>
  openConnection({ url, connectionName: 'refused', heartbeatS: 10, deadline: deadlineIn(5000) })

async function refusalOf(url: string) {
  const error = await open(url).then(
    () => assert.fail('it was not refused'),
    (reason: unknown) => reason,
  )
  return { code: connectError(error).code, text: describeError(error) }
}

test('a vhost that is not there is the operator’s to correct, in the broker’s own words', async () => {
  const url = new URL(broker.amqpUrl)
  url.pathname = '/no%2Fsuch'
  const { code, text } = await refusalOf(url.href)
  assert.equal(code, 'broker-misconfigured')
  assert.match(text, /vhost no\/such not found/)
})

test('a vhost that the user may not use is, too', async () => {
  await broker.ctl('add_vhost', 'closed')
  const url = new URL(broker.amqpUrl)
  url.pathname = '/closed'
  const { code, text } = await refusalOf(url.href)
  assert.equal(code, 'broker-misconfigured')
  assert.match(text, /access to vhost 'closed' refused/)
})

test('a limit of connections passes: the relay waits, and starts when there is room', async (t) => {
  const only = await open(broker.amqpUrl)
  t.after(() => only.close(1000))
  await broker.ctl('set_vhost_limits', '{"max-connections": 1}')
  await until('the limit counts', () => refusalOf(broker.amqpUrl).then(() => true))
  const { code, text } = await refusalOf(broker.amqpUrl)
  assert.equal(code, 'broker-unavailable')
  assert.match(text, /connection limit \(1\) is reached/)
  const env = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'limited', QUEUE_TOPIC: 'limited.q' }
  const relay = await startRelay(t, env, (line) => line.includes('cannot connect'))
  await broker.ctl('clear_vhost_limits')
  await relay.logged('relay is ready', 30_000)
})
