import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Broker, startBroker } from '../support/broker.ts'
import { publishIds } from '../support/ledger.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { relayCommand, relayJson, startCommand } from '../support/relay-command.ts'
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

const settingsOf = (name: string, more: Record<string, string> = {}) => ({
  AMQP_URL: broker.amqpUrl,
  EXCHANGE: name,
  QUEUE_TOPIC: `${name}.q`,
  ...more,
})

const stagingOf = (name: string) => `relay.${name}.${name}.q`
const deadOf = (name: string) => `${stagingOf(name)}.dead`

const queueNames = async (name: string) =>
  (await broker.ctl('--quiet', 'list_queues', 'name', '--no-table-headers'))
    .split('\n')
    .filter((queue) => queue.includes(name))
    .sort()

/** A listener whose relay is stopped, with messages in its staging queue. */
async function stoppedListener(
  t: Parameters<typeof startRelay>[0],
  settings: Record<string, string>,
  waiting: number,
) {
  const relay = await startRelay(t, settings)
  await relay.child.stop()
  if (waiting > 0) await publishIds(broker.amqpUrl, settings['EXCHANGE'] as string, waiting)
}

const bindingKeys = async (queue: string) =>
  (await broker.ctl('--quiet', 'list_bindings', 'source_name', 'destination_name', 'routing_key'))
    .split('\n')
    .filter((line) => line.split('\t')[0] !== '' && line.split('\t')[1] === queue)
    .map((line) => line.split('\t')[2])

test('while the relay runs it refuses, and changes nothing', async (t) => {
  const settings = settingsOf('runs')
  const relay = await startRelay(t, settings)
  const { code, stdout } = await relayCommand(settings, 'detach')
  assert.equal(code, 3)
  assert.equal(stdout, 'detach: not done: relay.runs.runs.q has 1 consumer: stop the relay first\n')
  assert.deepEqual(await bindingKeys(stagingOf('runs')), [''])
  assert.equal((await relay.readiness()).status, 200)
})

test('what waits is forwarded in order, staging and an empty parking queue are deleted', async (t) => {
  const settings = settingsOf('drain')
  await stoppedListener(t, settings, 2000)
  const { code, json } = await relayJson(settings, 'detach')
  assert.deepEqual(
    [code, json],
    [
      0,
      {
        name: 'detach',
        mode: 'relay',
        exchange: 'drain',
        destination: 'drain.q',
        unbound: true,
        forwarded: 2000,
        parked: 0,
        staging: 'deleted',
        parking: 'deleted',
        stagingQueue: stagingOf('drain'),
        parkingQueue: deadOf('drain'),
        retired: true,
      },
    ],
  )
  assert.deepEqual(await queueNames('drain'), ['drain.q'])
  await observer.channel.checkExchange('drain')
  const ids = await observer.ids('drain.q')
  assert.deepEqual(
    ids,
    Array.from({ length: 2000 }, (_, id) => String(id)),
  )
  const again = await relayCommand(settings, 'detach')
  assert.equal(again.code, 0)
  assert.match(again.stdout, /there is no relay\.drain\.drain\.q\ndetach: retired\n$/)
})

test('a parking queue that holds messages is kept, and it says so', async (t) => {
  const settings = settingsOf('parked')
  await stoppedListener(t, settings, 0)
  await observer.channel.sendToQueue(deadOf('parked'), Buffer.from('poison'), { persistent: true })
  await until('parked', async () => (await observer.depth(deadOf('parked'))) === 1)
  const { code, stdout } = await relayCommand(settings, 'detach')
  assert.equal(code, 0)
  assert.match(stdout, /^removed the binding parked > relay\.parked\.parked\.q, key ""$/m)
  assert.match(stdout, /^deleted relay\.parked\.parked\.q$/m)
  assert.match(stdout, /^kept relay\.parked\.parked\.q\.dead: it holds 1 parked message$/m)
  assert.match(stdout, /^detach: retired$/m)
  assert.equal(await observer.depth(deadOf('parked')), 1)
})

test('poison that is met while draining is parked, and kept', async (t) => {
  const settings = settingsOf('poison')
  await stoppedListener(t, settings, 10)
  const headers = { 'x-relay-hops': 16 }
  observer.channel.publish('poison', '', Buffer.from('round'), { headers })
  await until('staged', async () => (await observer.depth(stagingOf('poison'))) === 11)
  const { code, json } = await relayJson(settings, 'detach')
  const { forwarded, parked, staging, parking } = json
  assert.deepEqual([code, forwarded, parked, staging, parking], [0, 10, 1, 'deleted', 'kept'])
  assert.equal(await observer.depth('poison.q'), 10)
  assert.equal(await observer.depth(deadOf('poison')), 1)
})

test('a destination that takes nothing: not done in time, nothing is lost, and it can go on', async (t) => {
  const limited = { 'x-max-length': 5, 'x-overflow': 'reject-publish' }
  await observer.channel.assertQueue('full.q', { durable: true, arguments: limited })
  const settings = settingsOf('full')
  await stoppedListener(t, settings, 100)
  const { code, stdout } = await relayCommand(settings, 'detach', '--timeout', '2')
  assert.equal(code, 3)
  assert.match(
    stdout,
    /^detach: not done: \d+ messages left in relay\.full\.full\.q: not forwarded in time$/m,
  )
  assert.deepEqual(await bindingKeys(stagingOf('full')), [], 'still bound')
  const taken: string[] = []
  await observer.channel.consume('full.q', (message) => {
    if (!message) return
    taken.push(message.properties.messageId)
    observer.channel.ack(message)
  })
  assert.equal((await relayCommand(settings, 'detach')).code, 0)
  await until('all', () => new Set(taken).size === 100)
  assert.deepEqual(await queueNames('full'), ['full.q'])
})

test('SIGTERM while draining gives back what is in hand', async (t) => {
  const limited = { 'x-max-length': 5, 'x-overflow': 'reject-publish' }
  await observer.channel.assertQueue('term.q', { durable: true, arguments: limited })
  const settings = settingsOf('term', { SHUTDOWN_GRACE_MS: '500' })
  await stoppedListener(t, settings, 100)
  const { pid, ended } = startCommand(settings, 'detach')
  await until(
    'draining',
    async () => (await observer.channel.checkQueue('term.q')).messageCount > 0,
  )
  process.kill(pid, 'SIGTERM')
  const { code, stdout } = await ended
  assert.equal(code, 3)
  assert.match(
    stdout,
    /^detach: not done: \d+ messages left in relay\.term\.term\.q: interrupted$/m,
  )
  const both = (await observer.depth('term.q')) + (await observer.depth(stagingOf('term')))
  assert.ok(both >= 100, `${both} messages left of 100`)
})

test('an empty listener is retired even while its destination’s broker is away', async (t) => {
  const settings = settingsOf('away')
  await stoppedListener(t, settings, 0)
  const away = { ...settings, DEST_URL: 'amqp://me:hidden-secret@127.0.0.1:1' }
  assert.equal((await relayCommand(away, 'detach')).code, 0)
  await stoppedListener(t, settings, 1)
  const { code, stdout, stderr } = await relayCommand(away, 'detach')
  assert.deepEqual([code, stdout], [1, ''])
  assert.match(stderr, /^detach: cannot connect to the destination's broker: /m)
  assert.doesNotMatch(stderr, /hidden-secret/)
  assert.equal(await observer.depth(stagingOf('away')), 1)
})

test('a topic exchange’s default binding and one with arguments are removed', async (t) => {
  await observer.channel.assertExchange('topical', 'topic', { durable: true })
  await stoppedListener(t, settingsOf('topical'), 0)
  assert.deepEqual(await bindingKeys(stagingOf('topical')), ['#'])
  const { code, json } = await relayJson(settingsOf('topical'), 'detach')
  assert.deepEqual([code, json['unbound']], [0, true])
  const headers = settingsOf('headers', {
    RELAY_MODE: 'bind',
    EXCHANGE_TYPE: 'headers',
    BINDING_ARGUMENTS: '{"x-match":"all","region":"eu"}',
  })
  const relay = await startRelay(t, headers)
  await relay.child.stop()
  assert.equal((await bindingKeys('headers.q')).length, 1)
  assert.equal((await relayCommand(headers, 'detach')).code, 0)
  assert.deepEqual(await bindingKeys('headers.q'), [])
})

test('RELAY_MODE=bind: the binding goes, the owner’s queue and its messages stay', async (t) => {
  const settings = settingsOf('bound', { RELAY_MODE: 'bind' })
  const relay = await startRelay(t, settings)
  await relay.child.stop()
  await publishIds(broker.amqpUrl, 'bound', 3)
  const { code, stdout } = await relayCommand(settings, 'detach')
  assert.equal(code, 0)
  assert.equal(stdout, 'removed the binding bound > bound.q, key ""\ndetach: retired\n')
  observer.channel.publish('bound', '', Buffer.from('to nobody'))
  assert.equal(await observer.depth('bound.q'), 3)
  await observer.channel.deleteExchange('bound')
  assert.equal((await relayCommand(settings, 'detach')).code, 0, 'without its exchange')
})
