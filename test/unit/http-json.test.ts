import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { jsonFault, MOST_LEVELS } from '#lib/http/json.ts'
import { AT_ONCE } from '#lib/shares.ts'
import { assertAgrees, mutations } from '../support/json-mutations.ts'
import { suiteFiles } from '../support/json-suite.ts'
import { seeded } from '../support/seeded.ts'

const BOM = '\ufeff'
const faultOf = async (body: Buffer | string) => jsonFault(Buffer.from(body as string), AT_ONCE)

describe('the check of JSON', () => {
  for (const body of [
    ...['', ' \n', BOM, `${BOM}${BOM}1`, '{"a":1,}', "{'a':1}", '01', '[1', 'NaN', '1 2', '[]]'],
    ...['[1}', '{"a":1]', ',', '1,2', '{"a"}', '{1:2}', '"\t"', '"\\x"', '"\\u12g4"', '-', '1.e1'],
  ]) {
    test(`refuses ${JSON.stringify(body)}`, async () => {
      assert.match((await faultOf(body)) ?? '', /^Must /)
    })
  }

  for (const body of [
    ...['0', 'null', '""', `${BOM}{}`, ' [1e400, 12345678901234567890]\r\n', '{"a":1,"a":2}'],
    ...['"\\ud800"', '-0.0e-0', '[[],{}]'],
  ]) {
    test(`accepts ${JSON.stringify(body)}`, async () =>
      assert.equal(await faultOf(body), undefined))
  }

  test('allows 1,000 levels of nesting, not 1,001', async () => {
    const nested = (levels: number) => '['.repeat(levels) + ']'.repeat(levels)
    assert.equal(await faultOf(nested(MOST_LEVELS)), undefined)
    assert.equal(await faultOf(`{"a":${nested(MOST_LEVELS - 1)}}`), undefined)
    const fault = 'Must not be nested deeper than 1000 levels.'
    assert.equal(await faultOf(nested(MOST_LEVELS + 1)), fault)
    assert.equal(await faultOf('{"a":'.repeat(MOST_LEVELS + 1)), fault)
  })

  for (const [body, fault] of [
    ['{"a":1,\n "secret": hunter2}', 'Must be well-formed JSON (line 2 column 12).'],
    ['{"a":1,\r\n "b" 2}', 'Must be well-formed JSON (line 2 column 6).'],
    ['["é😀", x]', 'Must be well-formed JSON (line 1 column 9).'],
    ['[1', 'Must be well-formed JSON, but it ends in the middle (line 1 column 3).'],
    ['', 'Must not be empty: JSON needs a value, e.g. null.'],
    [Buffer.from('"\u00fc"', 'latin1'), 'Must be well-formed UTF-8.'],
  ] as const) {
    test(`says where and never what: ${fault}`, async () => {
      assert.equal(await faultOf(body), fault)
    })
  }
})

describe('a long body', () => {
  const text = (length: number) => `["${'é'.repeat(length / 2)}",\n1]`
  const pauses = () => {
    let turns = 0
    const next = async () => {
      turns += 1
    }
    return { isDue: () => true, next, turns: () => turns }
  }

  test('is checked in pieces, between which others have their turn', async () => {
    const pace = pauses()
    assert.equal(await jsonFault(Buffer.from(text(2_000_000)), pace), undefined)
    assert.ok(pace.turns() >= 2_000_000 / 65_536, `${pace.turns()} turns`)
  })

  test('has the faults that a short one has', async () => {
    const body = Buffer.from(text(2_000_000))
    const wrong = (change: (bytes: Buffer) => void) => {
      const copy = Buffer.from(body)
      change(copy)
      return jsonFault(copy, pauses())
    }
    assert.equal(
      await wrong((copy) => copy.write('x', copy.length - 1)),
      'Must be well-formed JSON (line 2 column 2).',
    )
    // A character's second byte, behind every place at which a piece may end.
    for (const at of [2, 1_048_577, 1_048_579, 1_999_998]) {
      const fault = await wrong((copy) => copy.write('x', at))
      assert.equal(fault, 'Must be well-formed UTF-8.', `${at}`)
    }
  })
})

describe('JSONTestSuite', () => {
  const files = suiteFiles()
  test('has all of its files', () => assert.equal(files.length, 318))
  for (const { name, body } of files) {
    test(name, async () => {
      const fault = await jsonFault(body, AT_ONCE)
      if (name.startsWith('y_')) assert.equal(fault, undefined)
      else if (name.startsWith('n_')) assert.ok(fault !== undefined)
      else assert.equal(fault === undefined, parses(body))
    })
  }
})

function parses(body: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    return true
  } catch {
    return false
  }
}

test('the check agrees with JSON.parse on mutated texts, and finds the same items', () => {
  const random = seeded(12)
  const bodies = mutations(12)
  for (let count = 0; count < 30_000; count += 1) {
    assertAgrees(bodies.next().value, (most) => Math.floor(random() * most))
  }
})
