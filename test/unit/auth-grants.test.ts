import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { covers, type Grant, packGrants, unpackGrants } from '#lib/auth/grants.ts'
import { fitsGlob, fitsTopic } from '#lib/auth/patterns.ts'

describe('a glob', () => {
  for (const [glob, name, fits] of [
    ['orders', 'orders', true],
    ['orders', 'orders2', false],
    ['orders', 'Orders', false],
    ['*', '', true],
    ['*', 'a/b.c', true],
    ['orders.*', 'orders.eu', true],
    ['orders.*', 'orders', false],
    ['*.eu', 'orders.eu', true],
    ['*.eu', '.eu', true],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'axxbyybzc', true],
    ['a*b*c', 'acb', false],
    ['aa*aa', 'aaa', false],
    ['aa*aa', 'aaaa', true],
    ['**', 'x', true],
    ['a.c', 'abc', false],
    ['[a]', '[a]', true],
    ['', '', true],
    ['', 'a', false],
  ] as const) {
    test(`${glob} ${fits ? 'fits' : 'does not fit'} ${name}`, () =>
      assert.equal(fitsGlob(glob, name), fits))
  }

  test('decides as the regular expression does that it stands for', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '.', '*'), maxLength: 12 })
    fc.assert(
      fc.property(text, text, (glob, name) => {
        const pattern = glob
          .split('*')
          .map((piece) => piece.replaceAll('.', '\\.'))
          .join('[^]*')
        assert.equal(fitsGlob(glob, name), new RegExp(`^${pattern}$`).test(name))
      }),
      { numRuns: 2_000 },
    )
  })

  test('with thousands of stars takes no time', () => {
    const started = performance.now()
    assert.equal(fitsGlob('a*'.repeat(5_000), `${'a'.repeat(20_000)}b`), true)
    assert.equal(fitsGlob(`${'a*'.repeat(5_000)}c`, 'a'.repeat(20_000)), false)
    assert.ok(performance.now() - started < 1_000)
  })
})

describe('a topic pattern', () => {
  for (const [pattern, key, fits] of [
    ['eu.new', 'eu.new', true],
    ['eu.*', 'eu.new', true],
    ['eu.*', 'eu', false],
    ['eu.*', 'eu.new.big', false],
    ['eu.*', 'eu.', true],
    ['eu.#', 'eu', true],
    ['eu.#', 'eu.new.big', true],
    ['eu.#', 'europe', false],
    ['#', '', true],
    ['#', 'a.b.c', true],
    ['*', '', false],
    ['*', 'a', true],
    ['', '', true],
    ['', 'a', false],
    ['#.new', 'new', true],
    ['#.new', 'a.b.new', true],
    ['#.new', 'a.b.news', false],
    ['a.#.b.#.c', 'a.x.b.y.b.c', true],
    ['a.#.#.c', 'a.c', true],
    ['*.#', '', false],
    ['*.*', 'a..b', false],
    ['*.*.*', 'a..b', true],
    ['e*', 'eu', false],
  ] as const) {
    test(`${pattern} ${fits ? 'fits' : 'does not fit'} ${JSON.stringify(key)}`, () =>
      assert.equal(fitsTopic(pattern, key), fits))
  }

  test('decides as the definition does, word by word', () => {
    const words = fc.array(fc.constantFrom('a', 'b', '', '*', '#'), { maxLength: 6 })
    fc.assert(
      fc.property(words, words, (pattern, key) => {
        const [text, against] = [key.join('.'), pattern.join('.')]
        assert.equal(fitsTopic(against, text), byDefinition(split(against), split(text)))
      }),
      { numRuns: 3_000 },
    )
  })

  test('with many # takes no time', () => {
    const started = performance.now()
    assert.equal(fitsTopic(`${'#.a.'.repeat(120)}b`, 'a.'.repeat(127)), false)
    assert.ok(performance.now() - started < 1_000)
  })
})

const split = (text: string) => (text === '' ? [] : text.split('.'))

function byDefinition([part, ...parts]: string[], words: string[]): boolean {
  if (part === undefined) return words.length === 0
  if (part === '#')
    return words.some((_, i) => byDefinition(parts, words.slice(i))) || byDefinition(parts, [])
  const [word, ...rest] = words
  return word !== undefined && (part === '*' || part === word) && byDefinition(parts, rest)
}

describe('grants', () => {
  const grants: readonly Grant[] = [
    { exchange: 'orders', routingKeys: ['eu.*', 'us.#'] },
    { exchange: 'logs.*' },
    { exchange: 'amq.topic', routingKeys: ['a'] },
  ]

  for (const [exchange, key, covered] of [
    ['orders', 'eu.new', true],
    ['orders', 'us', true],
    ['orders', 'asia.new', false],
    ['orders', '', false],
    ['logs.web', 'anything', true],
    ['logs', '', false],
    ['amq.topic', 'a', true],
    ['amq.topic', 'b', false],
  ] as const) {
    test(`${covered ? 'cover' : 'do not cover'} ${exchange} with the key ${JSON.stringify(key)}`, () =>
      assert.equal(covers(grants, exchange, key), covered))
  }

  test('cover no exchange of the broker’s own unless it is named literally', () => {
    for (const glob of ['*', 'amq*', 'amq.*', 'amq.direc*', '*mq.direct']) {
      assert.ok(!covers([{ exchange: glob }], 'amq.direct', ''), glob)
    }
    assert.ok(covers([{ exchange: 'amq.direct' }], 'amq.direct', ''))
    assert.ok(covers([{ exchange: '*' }], 'amqp', ''))
  })

  test('never cover the default exchange, and none cover nothing', () => {
    assert.ok(!covers([{ exchange: '*' }, { exchange: '' }], '', ''))
    assert.ok(!covers([], 'orders', ''))
  })

  test('come back as they were packed', () => {
    const key = fc.string()
    const grant = fc.record(
      { exchange: key, routingKeys: fc.array(key, { minLength: 1 }) },
      { requiredKeys: ['exchange'], noNullPrototype: true },
    )
    fc.assert(
      fc.property(fc.array(grant), (list) => {
        assert.deepEqual(unpackGrants(packGrants(list)), list)
      }),
    )
  })

  for (const text of [
    '',
    'null',
    '{}',
    '[1]',
    '[[]]',
    '[["a",1]]',
    '["a"]',
    '[{"exchange":"*"}]',
    '*',
  ]) {
    test(`are not unpacked from ${JSON.stringify(text)}`, () =>
      assert.equal(unpackGrants(text), undefined))
  }
})
