import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { after, before, test } from 'node:test'
import { type Broker, startBroker } from '../support/broker.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startRelay } from '../support/relay.ts'
import { relayCommand, relayJson } from '../support/relay-command.ts'
import { until } from '../support/until.ts'

let broker: Broker
let observer: Observer

before(async () => {
  broker = await startBroker({ plugins: ['rabbitmq_management'] })
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

/** Runs the command; the states of the objects by their names. */
async function check(env: Record<string, string>, ...args: string[]) {
  const { code, json } = await relayJson(env, 'check', ...args)
  const objects = json['objects'] as { name: string; state: string; detail: string }[]
  return {
    code,
    states: Object.fromEntries(objects.map(({ name, state }) => [name, state])),
    details: Object.fromEntries(objects.map(({ name, detail }) => [name, detail])),
    bindings: json['bindings'] as Record<string, { key: string; source: string }[]>,
    asTheSettingsSay: json['asTheSettingsSay'],
  }
}

/** All definitions of the broker, as text. */
async function everything(): Promise<string> {
  const authorization = `Basic ${Buffer.from(`${broker.user}:${broker.pass}`).toString('base64')}`
  const answer = await fetch(`${broker.managementUrl}/api/definitions`, {
    headers: { authorization },
  })
  assert.equal(answer.status, 200)
  return answer.text()
}

test('before the first start all would be declared, and nothing is', async () => {
  const before = await everything()
  const env = settingsOf('new', { EXCHANGE_TYPE: 'topic', QUEUE_TYPE: 'quorum' })
  const { code, states, details, bindings } = await check(env)
  assert.equal(code, 3)
  assert.deepEqual(states, {
    new: 'missing',
    'relay.new.new.q': 'missing',
    'relay.new.new.q.dead': 'missing',
    'new.q': 'missing',
    'warren.canary': 'missing',
  })
  assert.equal(details['new'], 'would be declared: topic, durable')
  assert.match(details['relay.new.new.q'] ?? '', /x-queue-type=quorum, .*x-delivery-limit=50/)
  assert.match(details['new.q'] ?? '', /would be declared: durable, x-queue-type=quorum/)
  assert.equal(bindings['checked'], false)
  assert.equal(await everything(), before)
})

test('once a relay has started all is as the settings say, with bindings and without', async (t) => {
  const env = settingsOf('same')
  await startRelay(t, env)
  const before = await everything()
  const { code, stdout, stderr } = await relayCommand(env, 'check')
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout, /^same +queue +relay\.same\.same\.q +durable, x-queue-type=quorum/m)
  assert.match(
    stdout,
    /^check: all as the settings say; bindings not checked: AMQP cannot list them, see --management\n$/m,
  )
  assert.equal(stderr, '')
  const withBindings = await relayCommand(env, 'check', '--management', broker.managementUrl)
  assert.equal(withBindings.code, 0)
  assert.match(withBindings.stdout, /^same +binding +same > relay\.same\.same\.q +key ""$/m)
  assert.match(withBindings.stdout, /^check: all as the settings say\n$/m)
  assert.equal(await everything(), before)
})

test('what differs is said in the broker’s words', async (t) => {
  await observer.channel.assertExchange('other', 'topic', { durable: false })
  await observer.channel.assertQueue('other.q', { durable: true, arguments: { 'x-expires': 1e6 } })
  await startRelay(t, settingsOf('other'))
  const { code, states, details, asTheSettingsSay } = await check(
    settingsOf('other', { DELIVERY_LIMIT: '7' }),
  )
  assert.equal(code, 3)
  assert.equal(asTheSettingsSay, false)
  assert.equal(states['other'], 'different')
  assert.match(details['other'] ?? '', /inequivalent arg '(type|durable)' for exchange 'other'/)
  assert.equal(states['other.q'], 'different')
  assert.match(details['other.q'] ?? '', /'x-expires'/)
  assert.equal(states['relay.other.other.q'], 'different')
  assert.match(details['relay.other.other.q'] ?? '', /'x-delivery-limit'.*received '7'.*'50'/)
  assert.equal(states['relay.other.other.q.dead'], 'same')
})

test('bindings of earlier settings are stale, a missing one is missing, those of others are fine', async (t) => {
  const settings = settingsOf('bound', { EXCHANGE_TYPE: 'topic' })
  const relay = await startRelay(t, { ...settings, BINDING_KEY: 'eu.#' })
  await relay.child.stop()
  await observer.channel.assertExchange('foreign', 'fanout', { durable: true })
  await observer.channel.bindQueue('bound.q', 'foreign', '')
  await observer.channel.bindQueue('bound.q', 'bound', 'direct.way')
  await observer.channel.bindQueue('relay.bound.bound.q', 'foreign', '')
  const { managementUrl } = broker
  const { code, states, bindings } = await check(settings, '--management', managementUrl)
  assert.equal(code, 3)
  assert.equal(states['relay.bound.bound.q'], 'same')
  const of = (state: string) => bindings[state]?.map(({ source, key }) => `${source} ${key}`).sort()
  assert.deepEqual(of('missing'), ['bound #'])
  assert.deepEqual(of('stale'), ['bound direct.way', 'bound eu.#', 'foreign '])
  assert.deepEqual(of('other'), ['foreign '])
})

test('arguments of a binding count', async (t) => {
  const settings = settingsOf('headers', { EXCHANGE_TYPE: 'headers' })
  const eu = { ...settings, BINDING_ARGUMENTS: '{"x-match":"all","region":"eu","level":3}' }
  await startRelay(t, eu)
  const { managementUrl } = broker
  assert.equal((await check(eu, '--management', managementUrl)).code, 0)
  const { code, bindings } = await check(settings, '--management', managementUrl)
  assert.equal(code, 3)
  assert.equal(bindings['missing']?.length, 1)
  assert.equal(bindings['stale']?.length, 1)
})

test('RELAY_MODE=bind: its binding, and the staging queue that an earlier mode left', async (t) => {
  const relay = await startRelay(t, settingsOf('moved'))
  await relay.child.stop()
  const env = settingsOf('moved', { RELAY_MODE: 'bind' })
  await startRelay(t, env)
  const { managementUrl } = broker
  const { code, states, details, bindings } = await check(env, '--management', managementUrl)
  assert.equal(code, 3)
  assert.equal(states['relay.moved.moved.q'], 'left-over')
  assert.match(details['relay.moved.moved.q'] ?? '', /0 messages; .*RELAY_MODE=relay detach/)
  assert.equal(bindings['same']?.length, 1)
  assert.equal(bindings['stale']?.length, 1)
  await observer.channel.deleteQueue('relay.moved.moved.q')
  await observer.channel.deleteQueue('relay.moved.moved.q.dead')
  assert.equal((await check(env, '--management', managementUrl)).code, 0)
})

test('a destination that the relay does not declare need only be there', async (t) => {
  await startRelay(t, settingsOf('held'))
  await observer.channel.deleteQueue('held.q')
  const env = settingsOf('held', { ON_MISSING: 'hold' })
  assert.equal((await check(env)).states['held.q'], 'missing')
  await observer.channel.assertQueue('held.q', { durable: true, arguments: { 'x-expires': 1e6 } })
  const { code, states } = await check(env)
  assert.deepEqual([code, states['held.q']], [0, 'present'])
  const { QUEUE_TOPIC: _, ...rest } = env
  const toExchange = { ...rest, STAGING_QUEUE: 'relay.held.held.q', DEST_EXCHANGE: 'further' }
  assert.equal((await check(toExchange)).states['further'], 'missing')
  await observer.channel.assertExchange('further', 'topic')
  assert.equal((await check(toExchange)).code, 0)
})

test('a user who may not compare is told so, and it does not count', async (t) => {
  await startRelay(t, settingsOf('rights'))
  await broker.ctl('add_user', 'looker', 'looker')
  await broker.ctl('set_permissions', 'looker', '^$', '^$', '.*')
  const url = new URL(broker.amqpUrl)
  url.username = 'looker'
  url.password = 'looker'
  const { code, states } = await check(settingsOf('rights', { AMQP_URL: url.href }))
  assert.equal(code, 0)
  assert.equal(states['relay.rights.rights.q'], 'unknown')
})

test('a broker that cannot be reached is exit code 1, one that refuses the login 2, without a secret', async () => {
  const away = await relayCommand(
    { ...settingsOf('x'), AMQP_URL: 'amqp://me:hidden-secret@127.0.0.1:1/' },
    'check',
  )
  assert.equal(away.code, 1)
  assert.match(away.stderr, /^check: cannot connect to the broker: .*ECONNREFUSED.*\n$/)
  const url = new URL(broker.amqpUrl)
  url.password = 'hidden-secret'
  const refused = await relayCommand({ ...settingsOf('x'), AMQP_URL: url.href }, 'check')
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /the broker refuses the relay: .*ACCESS_REFUSED/)
  const wrong = await relayCommand({ EXCHANGE: 'x', PREFETCH: '-1' }, 'check', '--jsn')
  assert.equal(wrong.code, 2)
  for (const problem of ['unknown option --jsn', 'PREFETCH must be', 'QUEUE_TOPIC must be set']) {
    assert.ok(wrong.stderr.includes(problem), problem)
  }
  for (const { stdout, stderr } of [away, refused, wrong]) {
    assert.equal(stdout, '')
    assert.doesNotMatch(stderr, /hidden-secret|\bat .*\.ts/)
  }
})

test('a management API that is away, refuses, or is something else is exit code 1', async (t) => {
  const server = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1')
  t.after(() => server.close())
  await until('listening', () => server.listening)
  const { port } = server.address() as { port: number }
  const { host } = new URL(broker.managementUrl)
  const cases = [
    ['http://127.0.0.1:1', /cannot be reached: .*ECONNREFUSED/],
    [`http://warren:hidden-secret@${host}`, /answers 401/],
    [`http://127.0.0.1:${port}`, /is not RabbitMQ's management API/],
  ] as const
  for (const [url, problem] of cases) {
    const { code, stdout, stderr } = await relayCommand(
      settingsOf('x'),
      'check',
      '--management',
      url,
    )
    assert.deepEqual([code, stdout], [1, ''], url)
    assert.match(stderr, problem)
    assert.doesNotMatch(stderr, /hidden-secret|\bat .*\.ts/)
  }
})
