import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  broker,
  deadOf,
  ids,
  observer,
  park,
  settingsOf,
  stagingOf,
  startForFile,
  stoppedListener,
} from '../support/parking.ts'
import { startRelay } from '../support/relay.ts'
import { relayCommand, relayJson } from '../support/relay-command.ts'
import { take, takeIds } from '../support/take.ts'
import { until } from '../support/until.ts'

startForFile()

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
      'x-relay-original-exchange': 'all',
      'x-relay-original-routing-key': 'key',
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
    { messageId: 'over', headers: { 'x-relay-original-expiration': '90000', 'x-warren-at': past } },
    {
      messageId: 'left',
      headers: { 'x-relay-original-expiration': '900000', 'x-warren-at': past },
    },
    {
      messageId: 'over-since-parked',
      headers: { 'x-relay-original-expiration': '90000', 'x-relay-parked-at': past },
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
  assert.equal(headers['x-relay-original-expiration'], undefined)
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
  assert.equal(headers['x-relay-original-user-id'], broker.user)
  assert.equal(headers['x-relay-original-exchange'], 'broker')
  assert.equal(headers['x-relay-original-routing-key'], 'the.key')
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
