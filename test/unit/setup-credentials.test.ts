import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { chooseCredentials, parseCredentials } from '#infra/setup/credentials.ts'
import { readCredentials, writeFiles } from '#infra/setup/files.ts'
import { ConfigError } from '#lib/config.ts'

const STRONG = 'a-token-with-more-than-32-characters'

test('what is given wins over what was made before, which wins over something new', () => {
  const first = chooseCredentials({}, {}, false)
  assert.match(first.apiToken, /^wt_[\w-]{43}$/)
  assert.equal(first.user, 'warren')
  assert.deepEqual(chooseCredentials({}, first, false), first)
  const given = { API_TOKEN: STRONG, RABBITMQ_USER: 'admin', RABBITMQ_PASS: 'p' }
  assert.deepEqual(chooseCredentials(given, first, false), {
    ...{ apiToken: STRONG, user: 'admin', pass: 'p', servicePass: first.servicePass },
  })
  assert.notEqual(chooseCredentials({}, {}, false).pass, first.pass)
})

test('a weak token, and a user name that is taken, are refused', () => {
  assert.throws(() => chooseCredentials({ API_TOKEN: 'short' }, {}, false), ConfigError)
  assert.equal(chooseCredentials({ API_TOKEN: 'short' }, {}, true).apiToken, 'short')
  const taken = { RABBITMQ_USER: 'warren-services' }
  assert.throws(() => chooseCredentials(taken, {}, true), ConfigError)
})

test('a damaged file is named, not overwritten', () => {
  for (const text of ['', '{', '[]x', '{"pass":1}']) {
    assert.throws(() => parseCredentials(text), /credentials.json is damaged/)
  }
})

test('every file holds what its readers need, and no more', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'warren-setup-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const credentials = chooseCredentials({ API_TOKEN: STRONG }, {}, false)
  writeFiles(folder, credentials, 'rabbit:5672')
  assert.deepEqual(readCredentials(folder), credentials)
  const { pass, servicePass } = credentials
  const read = (name: string) => readFileSync(join(folder, name), 'utf8')
  assert.equal(read('services/amqp-url'), `amqp://warren-services:${servicePass}@rabbit:5672/%2F\n`)
  for (const name of ['broker/definitions.json', 'services/tokens.json']) {
    for (const secret of [STRONG, pass, servicePass]) assert.ok(!read(name).includes(secret), name)
  }
  for (const name of [
    'credentials/credentials.json',
    'services/amqp-url',
    'services/tokens.json',
  ]) {
    assert.equal(statSync(join(folder, name)).mode & 0o077, 0, name)
  }
})
