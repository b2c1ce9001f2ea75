import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { Options } from 'amqplib'
import { residentMb } from '../bench/cpu.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { relayCommand, relayJson, startCommand } from '../support/relay-command.ts'
import { take, takeIds } from '../support/take.ts'
import { until } from '../support/until.ts'

const MB = 1_000_000
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

const settingsOf = (name: string) => ({
  AMQP_URL: broker.amqpUrl,
  EXCHANGE: name,
  QUEUE_TOPIC: `${name}.q`,
})

const stagingOf = (name: string) => `relay.${name}.${name}.q`
const deadOf = (name: string) => `${stagingOf(name)}.dead`

/** A listener whose relay has run once and is stopped. */
async function stoppedListener(t: Parameters<typeof startRelay>[0], name: string) {
  const relay = await startRelay(t, settingsOf(name))
  await relay.child.stop()
}

const REASON = 'refused-by-broker'

interface ParkedMessage extends Options.Publish {
  readonly reason?: string
  readonly key?: string
}

/** Puts messages into the parking queue as the relay does. */
async function park(name: string, ...messages: readonly ParkedMessage[]): Promise<void> {
  for (const { reason = REASON, key = 'key', headers, ...more } of messages) {
    observer.channel.sendToQueue(deadOf(name), Buffer.from(`body ${more.messageId}`), {
      ...more,
      persistent: true,
      headers: {
        'x-original-exchange': name,
        'x-original-routing-key': key,
        'x-relay-hops': 2,
        'x-relay-reason': reason,
        'x-relay-error': 'it was too much',
        'x-relay-parked-at': Date.now(),
        ...headers,
      },
    })
  }
  await until('parked', async () => (await observer.depth(deadOf(name))) === messages.length)
}

const ids = (...messageIds: string[]) => messageIds.map((messageId) => ({ messageId }))

test('all go back into staging, in order, and no other listener sees them', async (t) => {
  await stoppedListener(t, 'all')
  await observer.bind('all', 'all.other')
  await park('all', ...ids('1', '2', '3'))
  const { code, stdout, stderr } = await relayCommand(settingsOf('all'), 'replay')
  assert.equal(code, 0, stderr)
  assert.equal(
    stdout,
    `replay: replayed 3 of 3 parked messages (${deadOf('all')} > ${stagingOf('all')})\n`,
  )
  assert.equal(await observer.depth(deadOf('all')), 0)
  assert.equal(await observer.depth('all.other'), 0)
  const replayed = await take(observer.channel, stagingOf('all'), 3)
  for (const [index, { content, properties }] of replayed.entries()) {
    assert.equal(String(content), `body ${index + 1}`)
    assert.equal(properties.deliveryMode, 2)
    assert.deepEqual(properties.headers, {
      'x-original-exchange': 'all',
      'x-original-routing-key': 'key',
      'x-relay-replays': 1,
      'x-relay-last-reason': 'refused-by-broker',
    })
  }
})

test('what is not selected stays in its place and its order', async (t) => {
  await stoppedListener(t, 'some')
  await park(
    'some',
    { messageId: 'a', reason: 'unroutable' },
    { messageId: 'b', key: 'eu.new' },
    { messageId: 'c', headers: { kind: 'late' } },
    { messageId: 'd', reason: 'unroutable', key: 'eu.old' },
    { messageId: 'e', reason: 'rejected', key: 'eu' },
    { messageId: 'f', headers: { tries: 3, big: true } },
  )
  const replayed = async (...args: string[]) => {
    const { code, json } = await relayJson(settingsOf('some'), 'replay', ...args)
    assert.equal(code, 0)
    assert.deepEqual(
      [json['unselected'], json['failure']],
      [6 - Number(json['replayed']), undefined],
    )
    return takeIds(observer.channel, stagingOf('some'), Number(json['replayed']))
  }
  const back = async (...taken: readonly string[]) => {
    const left = await observer.ids(deadOf('some'))
    assert.deepEqual(
      left,
      ['a', 'b', 'c', 'd', 'e', 'f'].filter((id) => !taken.includes(id)),
    )
    await park(
      'some',
      { messageId: 'a', reason: 'unroutable' },
      { messageId: 'b', key: 'eu.new' },
      { messageId: 'c', headers: { kind: 'late' } },
      { messageId: 'd', reason: 'unroutable', key: 'eu.old' },
      { messageId: 'e', reason: 'rejected', key: 'eu' },
      { messageId: 'f', headers: { tries: 3, big: true } },
    )
  }
  const cases: [string[], string[]][] = [
    [
      ['--reason', 'unroutable'],
      ['a', 'd'],
    ],
    [
      ['--reason', 'unroutable', '--reason', 'rejected'],
      ['a', 'd', 'e'],
    ],
    [['--message-id', 'c'], ['c']],
    [
      ['--routing-key', 'eu.*'],
      ['b', 'd'],
    ],
    [['--routing-key', 'eu.#', '--reason', 'unroutable'], ['d']],
    [
      ['--header', 'kind=late', '--header', 'tries=3'],
      ['c', 'f'],
    ],
    [['--header', 'big=true'], ['f']],
    [['--header', 'kind=lat'], []],
  ]
  for (const [args, expected] of cases) {
    assert.deepEqual(await replayed(...args), expected, args.join(' '))
    await back(...expected)
  }
})

test('--count takes the oldest; the next run goes on', async (t) => {
  await stoppedListener(t, 'few')
  await park('few', ...ids('1', '2', '3', '4', '5'))
  const run = () => relayCommand(settingsOf('few'), 'replay', '--count', '2')
  assert.match((await run()).stdout, /replayed 2 of 5 parked messages, 3 not looked at/)
  assert.match((await run()).stdout, /replayed 2 of 3 parked messages, 1 not looked at/)
  assert.deepEqual(await takeIds(observer.channel, stagingOf('few'), 4), ['1', '2', '3', '4'])
  assert.deepEqual(await observer.ids(deadOf('few')), ['5'])
})

test('--dry-run lists what would be replayed and changes nothing', async (t) => {
  await stoppedListener(t, 'dry')
  await park('dry', { messageId: 'x', key: 'a.b' }, { messageId: 'y', reason: 'unroutable' })
  const shown = await relayCommand(settingsOf('dry'), 'replay', '--dry-run')
  assert.equal(shown.code, 0)
  assert.match(shown.stdout, /^20\d\d-\S+Z +refused-by-broker +x +a\.b$/m)
  assert.match(shown.stdout, /^replay: would replay 2 of 2 parked messages/m)
  const { json } = await relayJson(
    settingsOf('dry'),
    'replay',
    '--dry-run',
    '--reason',
    'unroutable',
  )
  const messages = json['messages'] as Record<string, string>[]
  assert.deepEqual([json['replayed'], json['dryRun'], messages.length], [1, true, 1])
  const { parkedAt = '', ...rest } = messages[0] ?? {}
  assert.ok(Date.now() - Date.parse(parkedAt) < 60_000)
  assert.deepEqual(rest, {
    reason: 'unroutable',
    messageId: 'y',
    exchange: 'dry',
    routingKey: 'key',
  })
  assert.equal(await observer.depth(stagingOf('dry')), 0)
  assert.deepEqual(await observer.ids(deadOf('dry')), ['x', 'y'])
})

test('messages whose time to live is over stay; the others have what is left of it', async (t) => {
  await stoppedListener(t, 'ttl')
  const past = Date.now() - 100_000
  await park(
    'ttl',
    { messageId: 'over', headers: { 'x-original-expiration': '90000', 'x-warren-at': past } },
    { messageId: 'left', headers: { 'x-original-expiration': '900000', 'x-warren-at': past } },
    {
      messageId: 'over-since-parked',
      headers: { 'x-original-expiration': '90000', 'x-relay-parked-at': past },
    },
  )
  // What expires in staging, the broker dead-letters itself.
  observer.channel.publish('ttl', 'k', Buffer.from(''), {
    messageId: 'in-staging',
    expiration: '20',
  })
  await until('expired', async () => (await observer.depth(deadOf('ttl'))) === 4)
  const { code, json } = await relayJson(settingsOf('ttl'), 'replay')
  assert.deepEqual([code, json['replayed'], json['expired']], [0, 1, 3])
  const [got] = await take(observer.channel, stagingOf('ttl'), 1)
  assert.equal(got?.properties.messageId, 'left')
  const { expiration, headers = {} } = got.properties
  assert.ok(Number(expiration) > 700_000 && Number(expiration) <= 800_000, expiration)
  assert.ok(headers['x-warren-at'] > past)
  assert.equal(headers['x-original-expiration'], undefined)
  assert.deepEqual(await observer.ids(deadOf('ttl')), ['over', 'over-since-parked', 'in-staging'])
})

test('what the broker parked by itself has its origin and its properties back', async (t) => {
  await stoppedListener(t, 'broker')
  await observer.channel.assertQueue('broker.victim')
  const properties = { messageId: 'm', userId: broker.user, CC: ['broker.victim'] }
  observer.channel.publish('broker', 'the.key', Buffer.from('it'), properties)
  const { consumerTag } = await observer.channel.consume(stagingOf('broker'), (message) => {
    if (message) observer.channel.reject(message, false)
  })
  await until('dead-lettered', async () => (await observer.depth(deadOf('broker'))) === 1)
  await observer.channel.cancel(consumerTag)
  await observer.channel.purgeQueue('broker.victim')
  const { code, json } = await relayJson(settingsOf('broker'), 'replay', '--reason', 'rejected')
  assert.deepEqual([code, json['replayed']], [0, 1])
  assert.equal(await observer.depth('broker.victim'), 0, 'rerouted by its CC header')
  await startRelay(t, settingsOf('broker'))
  await until('forwarded', async () => (await observer.depth('broker.q')) === 1)
  const copy = await observer.channel.get('broker.q', { noAck: true })
  assert.ok(copy !== false)
  const { headers = {}, userId } = copy.properties
  assert.equal(userId, undefined)
  assert.equal(headers['x-original-user-id'], broker.user)
  assert.equal(headers['x-original-exchange'], 'broker')
  assert.equal(headers['x-original-routing-key'], 'the.key')
  assert.equal(headers['x-relay-last-reason'], 'rejected')
  assert.equal(headers['x-delivery-count'], undefined)
})

test('what is parked again says how often it was replayed, and is not replayed in the same run', async (t) => {
  const settings = { ...settingsOf('again'), ON_MISSING: 'park', DEST_EXCHANGE: 'again.to' }
  const { QUEUE_TOPIC: _, ...env } = settings
  await observer.channel.assertExchange('again.to', 'fanout')
  await startRelay(t, env)
  const dead = 'relay.again.again.to.dead'
  observer.channel.publish('again', 'k', Buffer.from(''), { messageId: 'it' })
  for (const replays of [0, 1, 2]) {
    await until('parked', async () => (await observer.depth(dead)) === 1)
    const got = await observer.channel.get(dead)
    assert.ok(got !== false)
    const { headers = {} } = got.properties
    assert.equal(headers['x-relay-reason'], 'unroutable')
    assert.equal(headers['x-relay-replays'], replays || undefined)
    observer.channel.nack(got)
    await until('back', async () => (await observer.depth(dead)) === 1)
    const { code, json } = await relayJson(env, 'replay')
    assert.deepEqual([code, json['replayed']], [0, 1])
  }
})

test('large messages pass one after the other, and those passed over take no memory', async (t) => {
  await stoppedListener(t, 'large')
  const body = Buffer.alloc(MB)
  for (let id = 0; id < 200; id += 1) {
    const headers = { 'x-relay-reason': id % 2 === 0 ? 'even' : 'odd' }
    observer.channel.sendToQueue(deadOf('large'), body, { messageId: String(id), headers })
    if (id % 20 === 0) await observer.depth(deadOf('large')) // Answered once all before it is read.
  }
  await until('parked', async () => (await observer.depth(deadOf('large'))) === 200)
  const { pid, ended } = startCommand(settingsOf('large'), 'replay', '--reason', 'odd')
  let most = 0
  const watching = setInterval(() => {
    most = Math.max(most, residentMb([pid]))
  }, 20)
  const { code, stdout } = await ended
  clearInterval(watching)
  assert.equal(code, 0)
  assert.match(stdout, /replayed 100 of 200 parked messages, 100 not selected/)
  assert.ok(most > 0 && most < 260, `${most} MB resident`)
  const odd = Array.from({ length: 100 }, (_, index) => String(index * 2 + 1))
  assert.deepEqual(await takeIds(observer.channel, stagingOf('large'), 100), odd)
  await observer.channel.purgeQueue(deadOf('large'))
})

test('five thousand are each in one queue afterwards, and in one only', async (t) => {
  await stoppedListener(t, 'many')
  const all = Array.from({ length: 5000 }, (_, index) => String(index))
  await park('many', { messageId: 'kept', reason: 'other' }, ...ids(...all))
  const { code, json } = await relayJson(settingsOf('many'), 'replay', '--reason', REASON)
  assert.deepEqual([code, json['replayed'], json['unselected']], [0, 5000, 1])
  await until('back', async () => (await observer.depth(deadOf('many'))) > 0)
  assert.deepEqual(await observer.ids(deadOf('many')), ['kept'])
  assert.deepEqual(await takeIds(observer.channel, stagingOf('many'), 5000), all)
})

test('without its queues nothing is done, and it says which is missing', async (t) => {
  const none = await relayCommand(settingsOf('none'), 'replay')
  assert.deepEqual([none.code, none.stderr], [3, ''])
  assert.equal(none.stdout, `replay: there is no parking queue ${deadOf('none')}\n`)
  await stoppedListener(t, 'half')
  await park('half', ...ids('1'))
  await observer.channel.deleteQueue(stagingOf('half'))
  const { code, json } = await relayJson(settingsOf('half'), 'replay')
  assert.equal(code, 3)
  assert.match(String(json['failure']), /there is no staging queue relay\.half\.half\.q/)
  assert.equal(await observer.depth(deadOf('half')), 1)
  const bound = await relayCommand({ ...settingsOf('half'), RELAY_MODE: 'bind' }, 'replay')
  assert.equal(bound.code, 2)
  assert.match(bound.stderr, /RELAY_MODE=bind parks nothing/)
})

test('an empty parking queue is nothing to wait for', async (t) => {
  await stoppedListener(t, 'empty')
  const { code, stdout } = await relayCommand(settingsOf('empty'), 'replay')
  assert.equal(code, 0)
  assert.match(stdout, /^replay: replayed 0 of 0 parked messages/)
})

test('a staging queue that refuses keeps everything where it is', async (t) => {
  const staging = stagingOf('full')
  await broker.ctl('set_policy', 'full', `^${staging}$`, '{"max-length":2}', '--apply-to', 'queues')
  await stoppedListener(t, 'full')
  for (let filler = 0; filler < 10; filler += 1) {
    observer.channel.sendToQueue(staging, Buffer.from('filler'))
    await observer.depth(staging)
  }
  const all = Array.from({ length: 20 }, (_, index) => String(index))
  await park('full', ...ids(...all))
  const { code, json } = await relayJson(settingsOf('full'), 'replay')
  assert.equal(code, 1)
  assert.match(String(json['failure']), /the staging queue refuses messages/)
  await until('all back', async () => (await observer.depth(deadOf('full'))) === 20)
  assert.deepEqual(await observer.ids(deadOf('full')), all)
})

test('under an alarm it waits, and SIGTERM ends it in order: nothing is lost', async (t) => {
  await stoppedListener(t, 'term')
  const all = Array.from({ length: 2000 }, (_, index) => String(index))
  await park('term', ...ids(...all))
  await broker.alarm(true)
  const interrupted = startCommand(settingsOf('term'), 'replay')
  await until('under way', async () => (await observer.depth(deadOf('term'))) < 2000)
  process.kill(interrupted.pid, 'SIGTERM')
  const { code, stdout } = await interrupted.ended
  assert.equal(code, 3)
  assert.match(stdout, /^replay: ended early: interrupted; what was under way may be in both/m)
  await until('all back', async () => (await observer.depth(deadOf('term'))) === 2000)
  const waiting = startCommand(settingsOf('term'), 'replay')
  await until('under way', async () => (await observer.depth(deadOf('term'))) < 2000)
  await broker.alarm(false)
  const { stdout: rest } = await waiting.ended
  assert.match(rest, /^replay: replayed 2000 of 2000 parked messages \(/)
  assert.equal(await observer.depth(deadOf('term')), 0)
  const staged = await observer.depth(stagingOf('term'))
  const arrived = await takeIds(observer.channel, stagingOf('term'), staged)
  assert.deepEqual([...new Set(arrived)], all)
})
