import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import fc from 'fast-check'
import {
  ConfigError,
  type Env,
  flag,
  readAll,
  readBroker,
  readHttp,
  readSettings,
  whole,
} from '#lib/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'warren-config-'))
after(() => rmSync(folder, { recursive: true }))

function file(content: string): string {
  const path = join(folder, `${Math.random()}`)
  writeFileSync(path, content)
  return path
}

function problemsOf(read: () => unknown): readonly string[] {
  try {
    read()
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return assert.fail('it was accepted')
}

describe('a boolean', () => {
  const read = (text?: string, fallback = false) =>
    readSettings({ ON: flag(fallback) }, text === undefined ? {} : { ON: text }).ON

  for (const text of ['1', 'true', 'YES', ' on ']) {
    test(`is true by ${JSON.stringify(text)}`, () => assert.equal(read(text), true))
  }
  // In the predecessor "0" meant true.
  for (const text of ['0', 'false', 'NO', 'off', '']) {
    test(`is false by ${JSON.stringify(text)}`, () => assert.equal(read(text, true), false))
  }
  test('that is not set is its default', () => {
    assert.deepEqual([read(undefined, true), read(undefined, false)], [true, false])
  })

  test('is nothing else', () => {
    const known = /^\s*(1|true|yes|on|0|false|no|off)?\s*$/i
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.constantFrom('2', 'maybe', 'null', '1.0')), (text) => {
        fc.pre(!known.test(text))
        assert.equal(problemsOf(() => read(text)).length, 1)
      }),
    )
  })
})

describe('a whole number', () => {
  const read = (text: string) => readSettings({ N: whole(7, 1, 10) }, { N: text }).N
  test('is read within its range', () => {
    assert.deepEqual([read('1'), read(' 10 '), read('007')], [1, 10, 7])
  })
  test('that is empty or not set is its default', () => {
    assert.deepEqual([read(''), read('  '), readSettings({ N: whole(7, 1, 10) }, {}).N], [7, 7, 7])
  })
  for (const text of ['0', '11', '-1', '1.5', '1e1', 'one', '0x5', '５']) {
    test(`is not ${text}`, () => {
      assert.deepEqual(
        problemsOf(() => read(text)),
        ['N must be a whole number from 1 to 10'],
      )
    })
  }
})

describe('the broker', () => {
  const urlOf = (env: Env) => readBroker(env).url

  test('is this machine’s, if nothing is said', () => {
    assert.deepEqual(readBroker({}), {
      heartbeatS: 20,
      url: 'amqp://guest:guest@127.0.0.1:5672/%2F',
    })
  })

  test('is named by one URL, before all else', () => {
    const env = { AMQP_URL: 'amqps://u:p@h/v', RABBIT_HOST: 'other', AMQP_URL_SECRET_ARN: 'arn' }
    assert.equal(urlOf(env), 'amqps://u:p@h/v')
    assert.equal(urlOf({ AMQP_URL_FILE: file('amqp://u:p@h/v\n') }), 'amqp://u:p@h/v')
  })

  test('is in a secret, which is read later', () => {
    assert.deepEqual(readBroker({ AMQP_URL_SECRET_ARN: 'arn:aws:x' }), {
      heartbeatS: 20,
      secretArn: 'arn:aws:x',
    })
  })

  test('is put together from the predecessor’s names, whatever is in them', () => {
    const texts = fc
      .string({ unit: 'grapheme', minLength: 1 })
      .filter((text) => text.isWellFormed())
    fc.assert(
      fc.property(texts, texts, texts, (user, pass, vhost) => {
        const url = urlOf({
          RABBIT_HOST: 'rabbit',
          RABBIT_PORT: '5673',
          RABBIT_USER: user,
          RABBIT_PASS: pass,
          RABBIT_VHOST: vhost,
        })
        const parsed = new URL(url ?? assert.fail())
        const { hostname, port, username, password, pathname } = parsed
        assert.deepEqual([hostname, port], ['rabbit', '5673'])
        assert.deepEqual([username, password, pathname.slice(1)].map(decodeURIComponent), [
          user,
          pass,
          vhost,
        ])
      }),
    )
    assert.equal(urlOf({ RABBIT_HOST: '::1' }), 'amqp://guest:guest@[::1]:5672/%2F')
    assert.equal(
      urlOf({ RABBIT_PASS: 'x', RABBIT_PASS_FILE: file('from file\n') }),
      'amqp://guest:from%20file@127.0.0.1:5672/%2F',
    )
  })

  test('that is named wrongly is refused without showing its password', () => {
    for (const url of ['http://u:hunter2@h', 'hunter2', 'amqp://', 'amqp:u:hunter2']) {
      for (const env of [{ AMQP_URL: url }, { AMQP_URL_FILE: file(url) }]) {
        const problems = problemsOf(() => readBroker(env))
        assert.equal(problems.length, 1)
        assert.doesNotMatch(problems.join(), /hunter2/)
      }
    }
    assert.match(
      problemsOf(() => readBroker({ AMQP_URL_FILE: join(folder, 'none') })).join(),
      /cannot read the file/,
    )
  })
})

test('what a caller may send is limited to what fits into a Lambda event, if nothing is said', () => {
  assert.deepEqual(readHttp({}), { corsOrigins: [], logLevel: 'info', maxBodyBytes: 4_613_734 })
})

test('all wrong settings are named at once, each with its name', () => {
  const env = {
    AMQP_URL: 'x',
    RABBIT_PORT: '0',
    HEARTBEAT_S: '0',
    LOG_LEVEL: 'loud',
    MAX_BODY_BYTES: '-1',
  }
  const problems = problemsOf(() =>
    readAll({ broker: () => readBroker(env), http: () => readHttp(env) }),
  )
  const named = ['RABBIT_PORT', 'HEARTBEAT_S', 'LOG_LEVEL', 'MAX_BODY_BYTES']
  for (const name of named)
    assert.ok(
      problems.some((problem) => problem.startsWith(name)),
      name,
    )
})

test('a reader that fails for another reason is not called a wrong setting', () => {
  assert.throws(
    () =>
      readAll({
        one: () => {
          throw new TypeError('bug')
        },
      }),
    TypeError,
  )
})
