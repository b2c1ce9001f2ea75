import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { apiToken } from '#lib/auth/api-token.ts'
import { bearerOf } from '#lib/auth/bearer.ts'
import { digestOf, findToken, parseTokens, type Token } from '#lib/auth/tokens.ts'
import { ConfigError } from '#lib/config.ts'

const sha256 = (token: string) => digestOf(token).toString('hex')
const parse = (...tokens: object[]) => parseTokens('FILE', JSON.stringify({ tokens }))
const entry = (more: object = {}) => ({
  name: 'billing',
  sha256: sha256('t'),
  publish: [],
  ...more,
})

const problemsOf = (text: string): readonly string[] => {
  try {
    parseTokens('FILE', text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return assert.fail('it was accepted')
}

describe('a list of tokens', () => {
  test('is read with scopes and expiry', () => {
    const publish = [{ exchange: 'orders', routingKeys: ['eu.*'] }, { exchange: '*' }]
    assert.deepEqual(parse(entry({ publish, notAfter: '2027-01-31T13:00:00+01:00' })), [
      { name: 'billing', digest: digestOf('t'), publish, notAfterMs: Date.UTC(2027, 0, 31, 12) },
    ])
  })

  test('may be empty, and have members of somebody else’s beside it', () => {
    assert.deepEqual(parseTokens('FILE', '{"tokens":[],"version":1}'), [])
  })

  for (const [what, wrong, problem] of [
    ['a name', { name: '' }, 'tokens.0.name must be 1 to 64'],
    ['a digest', { sha256: 'secret-token-itself' }, 'tokens.0.sha256 must be 64 hex'],
    ['a scope', { publish: 'orders' }, 'tokens.0.publish must be Array'],
    ['an exchange', { publish: [{ exchange: '' }] }, 'tokens.0.publish.0.exchange exchange must'],
    ['no exchange', { publish: [{}] }, 'tokens.0.publish.0.exchange is missing'],
    [
      'an empty list of keys',
      { publish: [{ exchange: 'a', routingKeys: [] }] },
      'routingKeys must name',
    ],
    [
      'a misspelt member',
      { publish: [{ exchange: 'a', routingkeys: ['x'] }] },
      'routingkeys is not known',
    ],
    ['an expiry', { notAfter: 'tomorrow' }, 'tokens.0.notAfter must be a time'],
    [
      'an impossible expiry',
      { notAfter: '2027-13-01T00:00:00Z' },
      'tokens.0.notAfter must be a time',
    ],
    [
      'an expiry without zone',
      { notAfter: '2027-01-01T00:00:00' },
      'tokens.0.notAfter must be a time',
    ],
  ] as const) {
    test(`is refused for ${what}, without showing it`, () => {
      const problems = problemsOf(JSON.stringify({ tokens: [entry(wrong)] }))
      assert.equal(problems.length, 1)
      assert.ok(problems[0]?.startsWith('FILE: ') && problems[0].includes(problem), problems[0])
      assert.doesNotMatch(problems.join(), /secret-token|tomorrow/)
    })
  }

  test('is refused with all that is wrong, or for not being JSON', () => {
    assert.equal(problemsOf('{"tokens":[{"name":1},{}]}').length, 6)
    for (const text of ['', 'null', '[]', '{}', '{"tokens":{}}', '{"tokens":[1]}']) {
      assert.equal(problemsOf(text).length, 1, text)
    }
  })
})

describe('a presented token', () => {
  const at = Date.UTC(2027, 0, 1)
  const token = (name: string, text: string, notAfterMs?: number): Token => ({
    name,
    digest: digestOf(text),
    publish: [],
    ...(notAfterMs === undefined ? {} : { notAfterMs }),
  })

  test('is found among several', () => {
    const tokens = [token('a', 'one'), token('b', 'two'), token('c', 'three')]
    assert.equal(findToken(tokens, 'two', at)?.name, 'b')
    assert.equal(findToken(tokens, 'four', at), undefined)
    assert.equal(findToken([], 'two', at), undefined)
  })

  test('is refused from the moment it expires', () => {
    const tokens = [token('a', 'one', at)]
    assert.equal(findToken(tokens, 'one', at - 1)?.name, 'a')
    assert.equal(findToken(tokens, 'one', at), undefined)
  })

  test('that expired under one name may still be good under another', () => {
    assert.equal(findToken([token('a', 'one', at), token('b', 'one')], 'one', at)?.name, 'b')
  })

  test('is never found when it differs in anything', () => {
    const known = 'Zb3-9f_qT7.xL0~kR8+vN2/mW5cD1hJ4=='
    const tokens = [token('a', known), token('b', known.toLowerCase())]
    const near = fc.tuple(
      fc.nat(known.length),
      fc.string({ minLength: 0, maxLength: 2 }),
      fc.nat(2),
    )
    const changed = near.map(
      ([index, insert, drop]) => known.slice(0, index) + insert + known.slice(index + drop),
    )
    fc.assert(
      fc.property(fc.oneof(changed, fc.string()), (presented) => {
        const found = findToken(tokens, presented, at)
        assert.equal(found !== undefined, [known, known.toLowerCase()].includes(presented))
      }),
      { numRuns: 2_000 },
    )
  })
})

describe('the bearer token of a request', () => {
  for (const [header, token] of [
    ['Bearer abc', 'abc'],
    ['bearer abc', 'abc'],
    ['BEARER   a.b-c_~+/==', 'a.b-c_~+/=='],
    [' Bearer abc ', 'abc'],
    ['Bearer Bearer', 'Bearer'],
  ] as const) {
    test(`${JSON.stringify(header)} is ${token}`, () => assert.equal(bearerOf([header]), token))
  }

  for (const headers of [
    [],
    [''],
    ['abc'],
    ['Bearer'],
    ['Bearer '],
    ['Bearerabc'],
    ['Basic abc'],
    ['Bearer a b'],
    ['Bearer a, Bearer b'],
    ['Bearer é'],
    ['Bearer\tabc'],
    ['XBearer abc'],
    ['Bearer abc', 'Bearer abc'],
    ['Bearer abc', ''],
  ]) {
    test(`${JSON.stringify(headers)} is none`, () => assert.equal(bearerOf(headers), undefined))
  }
})

describe('API_TOKEN', () => {
  const strong = 'k'.repeat(32)

  test('is one token for every exchange, named default', () => {
    assert.deepEqual(apiToken(strong, false), {
      name: 'default',
      digest: digestOf(strong),
      publish: [{ exchange: '*' }],
    })
  })

  test('may be weak only where nobody else can come', () => {
    for (const weak of ['super_secret_key', 'super_secret_token', 'k'.repeat(31)]) {
      assert.ok(findToken([apiToken(weak, true)], weak, 0))
      assert.throws(() => apiToken(weak, false), ConfigError)
    }
  })

  test('must fit into a header, and is not shown when it does not', () => {
    for (const bad of ['with blank', 'é'.repeat(40), 'line\nbreak']) {
      assert.throws(
        () => apiToken(bad, true),
        (error) => error instanceof ConfigError && !error.message.includes(bad),
      )
    }
  })
})
