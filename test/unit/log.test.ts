import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createLog, describeError, type LogLevel } from '#lib/log.ts'

function logged(level: LogLevel = 'debug', fields = {}) {
  const lines: string[] = []
  return { log: createLog({ level, fields, write: (line) => lines.push(line) }), lines }
}

describe('a log', () => {
  test('writes one JSON line for each event, with the fields of all', () => {
    const { log, lines } = logged('info', { function: 'publish' })
    log.child({ exchange: 'orders' }).info({ ms: 3 }, 'message published')
    const { time, ...line } = JSON.parse(lines[0] ?? '')
    assert.deepEqual(line, {
      level: 'info',
      message: 'message published',
      function: 'publish',
      exchange: 'orders',
      ms: 3,
    })
    assert.ok(Math.abs(Date.parse(time) - Date.now()) < 60_000)
    assert.doesNotMatch(lines[0] ?? '', /\n/)
  })

  test('says that the process is ready at every level', () => {
    const { log, lines } = logged('silent')
    log.info({ event: 'ready' }, 'up')
    log.error({ event: 'stopped' }, 'down')
    assert.deepEqual(
      lines.map((line) => JSON.parse(line).event),
      ['ready'],
    )
  })

  for (const [level, written] of [
    ['debug', ['debug', 'info', 'warn', 'error']],
    ['warn', ['warn', 'error']],
    ['silent', []],
  ] as const) {
    test(`at ${level} writes ${written.join(', ') || 'nothing'}`, () => {
      const { log, lines } = logged(level)
      log.debug({}, 'x')
      log.info({}, 'x')
      log.warn({}, 'x')
      log.error({}, 'x')
      assert.deepEqual(
        lines.map((line) => JSON.parse(line).level),
        written,
      )
    })
  }

  test('hides secrets by their names, and passwords in URLs wherever they are', () => {
    const { log, lines } = logged()
    const url = 'amqps://warren:hunter2@broker/v'
    log.info(
      {
        password: 'hunter2',
        apiToken: 'hunter2',
        authorization: 'Bearer hunter2',
        url: 'x hunter2',
        deep: { secretText: 'hunter2', list: [url] },
        err: new Error(`cannot reach ${url}`, { cause: new Error(url) }),
      },
      `connecting to ${url}`,
    )
    assert.doesNotMatch(lines.join(), /hunter2/)
    assert.match(lines.join(), /amqps:\/\/warren:\*\*\*@broker/)
  })

  test('hides any password in any text', () => {
    const part = fc.stringMatching(/^[a-z0-9%@:/]{6,12}$/)
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z]{3}$/), part, fc.string(), (user, pass, around) => {
        fc.pre(!`${user}${around}amqp://@host`.includes(pass))
        const { log, lines } = logged()
        log.error({ err: `${around} amqp://${user}:${pass}@host` }, 'x')
        assert.ok(!lines.join().includes(pass))
      }),
    )
  })
})

describe('an error in the log', () => {
  test('is its message and those of its causes, at most five', () => {
    const inner = new Error('ECONNREFUSED')
    assert.equal(describeError(new Error('no broker', { cause: inner })), 'no broker: ECONNREFUSED')
    const endless = new Error('again')
    endless.cause = endless
    assert.equal(describeError(endless), Array(5).fill('again').join(': '))
    assert.equal(describeError(undefined), '')
  })

  test('is a text, whatever was thrown', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true, withBigInt: true }), (thrown) => {
        assert.equal(typeof describeError(thrown), 'string')
        assert.equal(typeof describeError(new Error('x', { cause: thrown })), 'string')
      }),
    )
  })
})
