import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { createTokenSet } from '#lib/auth/token-set.ts'
import { tokenSources } from '#lib/auth/token-sources.ts'
import { digestOf } from '#lib/auth/tokens.ts'
import { ConfigError } from '#lib/config.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { rejection } from '../support/errors.ts'
import { recordedLog } from '../support/requests.ts'
import { SECRET_ARN, type SecretsManager, startSecretsManager } from '../support/secrets-manager.ts'

const HOUR = 3_600_000
const API_TOKEN = 'super_secret_key'
let manager: SecretsManager
let folder: string
before(async () => {
  manager = await startSecretsManager()
  folder = await mkdtemp(join(tmpdir(), 'warren-tokens-'))
})
after(async () => {
  await manager.close()
  await rm(folder, { recursive: true })
})

const listOf = (...tokens: string[]) =>
  JSON.stringify({
    tokens: tokens.map((token) => ({
      name: token,
      sha256: digestOf(token).toString('hex'),
      publish: [{ exchange: token }],
    })),
  })

/** A set of tokens from all three sources, on a clock that stands still. */
async function fixture(inFile: string, inSecret: string) {
  const file = join(folder, 'tokens.json')
  const clock = { nowMs: Date.UTC(2027, 0, 1) }
  const put = {
    file: (text: string) => writeFile(file, text),
    secret: (text: string) => void manager.secrets.set(SECRET_ARN, text),
  }
  await put.file(inFile)
  put.secret(inSecret)
  manager.mode = 'answer'
  const { log, lines } = recordedLog()
  const settings = { apiToken: API_TOKEN, apiTokensFile: file, apiTokensSecretArn: SECRET_ARN }
  const set = createTokenSet({ ...tokenSources(settings, true), log, now: () => clock.nowMs })
  const find = async (token: string) => (await set.find(token, deadlineIn(5_000)))?.name
  return { clock, put, lines, find, set }
}

describe('the tokens of an installation', () => {
  test('come from all sources', async () => {
    const { find } = await fixture(listOf('a', 'b'), listOf('c'))
    assert.equal(await find(API_TOKEN), 'default')
    assert.deepEqual([await find('a'), await find('b'), await find('c')], ['a', 'b', 'c'])
    assert.equal(await find('d'), undefined)
  })

  test('are read again after 20 s of wall clock, without a gap for those that stay', async () => {
    const { clock, put, find } = await fixture(listOf('a'), listOf('old', 'stays'))
    assert.equal(await find('old'), 'old')
    put.secret(listOf('new', 'stays'))
    clock.nowMs += 19_999
    assert.deepEqual(
      [await find('old'), await find('new'), await find('stays')],
      ['old', undefined, 'stays'],
    )
    clock.nowMs += 1
    assert.deepEqual(
      [await find('old'), await find('new'), await find('stays')],
      [undefined, 'new', 'stays'],
    )
  })

  test('serve for an hour while their source is away or holds nonsense', async () => {
    const { clock, put, lines, find } = await fixture(listOf('a'), listOf('c'))
    await find('c')
    manager.mode = 'fail'
    await put.file('{"tokens":')
    clock.nowMs += HOUR - 1
    assert.deepEqual([await find('a'), await find('c')], ['a', 'c'])
    clock.nowMs += 1
    assert.equal(await find(API_TOKEN), 'default')
    assert.equal((await rejection(find('c'))).code, 'internal')
    assert.ok(lines.every((line) => line.message === 'tokens not read'))
    assert.deepEqual(
      new Set(lines.map((line) => line['source'])),
      new Set(['API_TOKENS_FILE', 'API_TOKENS_SECRET_ARN']),
    )
  })

  test('that were never read make no token unknown: that would be a lie', async () => {
    const { find, put } = await fixture(listOf('a'), listOf('c'))
    await put.file('{}')
    assert.equal(await find('c'), 'c')
    assert.equal((await rejection(find('a'))).code, 'internal')
    await put.file(listOf('a'))
    assert.equal(await find('a'), 'a')
  })

  test('are found in time or not at all', async () => {
    const { set } = await fixture(listOf('a'), listOf('c'))
    manager.mode = 'silent'
    const started = performance.now()
    await rejection(Promise.resolve(set.find('c', deadlineIn(200))))
    assert.ok(performance.now() - started < 1_000)
    assert.equal((await set.find(API_TOKEN, deadlineIn(1)))?.name, 'default')
  })
})

test('an installation without any source of tokens does not start', () => {
  assert.throws(() => tokenSources({}, true), ConfigError)
})
