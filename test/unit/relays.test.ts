import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { readRelays, relayEnv } from '#infra/relays.ts'
import { ConfigError } from '#lib/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'warren-relays-'))
after(() => rmSync(folder, { recursive: true }))

function read(yaml: string) {
  const file = join(folder, 'relays.yml')
  writeFileSync(file, yaml)
  return readRelays(file)
}

const problems = (yaml: string): readonly string[] => {
  try {
    read(yaml)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('the file of this checkout has topic1 and topic2 of exchange', () => {
  assert.deepEqual(
    readRelays().map(({ name, exchange, queue, mode }) => [name, exchange, queue, mode]),
    [
      ['topic1', 'exchange', 'topic1', 'relay'],
      ['topic2', 'exchange', 'topic2', 'relay'],
    ],
  )
})

test('an entry becomes the environment of its relay', () => {
  const [entry] = read(`relays:
  - { name: bills, exchange: orders, queue: Billing, mode: bind,
      settings: { EXCHANGE_TYPE: topic, BINDING_KEY: 'eu.#', QUEUE_DURABLE: false, PREFETCH: 10 } }`)
  assert.ok(entry)
  assert.equal(entry.name, 'bills')
  assert.deepEqual(relayEnv(entry), {
    EXCHANGE: 'orders',
    QUEUE_TOPIC: 'Billing',
    RELAY_MODE: 'bind',
    EXCHANGE_TYPE: 'topic',
    BINDING_KEY: 'eu.#',
    QUEUE_DURABLE: 'false',
    PREFETCH: '10',
  })
})

test('every problem is named, with its entry', () => {
  const yaml = `relays:
  - { exchange: e, queue: a, settings: { QUEUE_DURABLE: perhaps, PREFETCH: 0 } }
  - { exchange: e, queue: a }`
  assert.deepEqual(problems(yaml), [
    'infra/relays.yml: a: QUEUE_DURABLE must be one of 1, true, yes, on, 0, false, no, off',
    'infra/relays.yml: a: PREFETCH must be a whole number from 1 to 65535',
    'infra/relays.yml: a: this name is taken by an earlier entry',
  ])
})

test('two relays cannot share a staging queue; two bindings can share a queue', () => {
  const two = (more: string) =>
    `relays: [{ exchange: e, queue: a }, { name: b, exchange: e, queue: a, ${more} }]`
  assert.deepEqual(problems(two('settings: { BINDING_KEY: x }')), [
    'infra/relays.yml: b: a has the staging queue relay.e.a already; set STAGING_QUEUE',
  ])
  assert.deepEqual(problems(two('settings: { STAGING_QUEUE: relay.e.a.2 }')), [])
  assert.deepEqual(problems(two('mode: bind')), [])
})

const WRONG: readonly [what: string, yaml: string, problem: RegExp][] = [
  ['no YAML', 'relays: [', /cannot be read/],
  ['an empty file', '', /must be an object with the list `relays`/],
  ['no entry', 'relays: []', /needs at least one entry/],
  ['no exchange', 'relays: [{ queue: a }]', /relays\.0\.exchange must be set/],
  ['an unknown key', 'relays: [{ exchange: e, queue: a, que: b }]', /que is not known here/],
  ['an unknown mode', 'relays: [{ exchange: e, queue: a, mode: copy }]', /mode must be relay or/],
  ['a queue that makes no name', 'relays: [{ exchange: e, queue: A_b }]', /needs a `name`/],
  ['a long name', `relays: [{ exchange: e, queue: ${'a'.repeat(41)} }]`, /needs a `name`/],
  ['a setting no relay has', setting('PREFECTH: 5'), /PREFECTH is no setting of a relay/],
  ['a secret', setting('DEST_URL: amqp://u:p@h'), /DEST_URL may hold a secret/],
  ['what the entry says already', setting('QUEUE_TOPIC: b'), /QUEUE_TOPIC is set by the entry/],
  ['a list as a value', setting('PREFETCH: [5]'), /PREFETCH must be a text, a number or a boolean/],
]

function setting(text: string): string {
  return `relays: [{ exchange: e, queue: a, settings: { ${text} } }]`
}

for (const [what, yaml, problem] of WRONG) {
  test(`${what} is refused`, () => assert.match(problems(yaml).join('\n'), problem))
}
