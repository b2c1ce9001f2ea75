import assert from 'node:assert/strict'
import { Cut, type Item } from '#lib/http/batch-cut.ts'
import { bomBytes, jsonFault, MOST_LEVELS, scanFault } from '#lib/http/json.ts'
import { type Scan, scanOn, startScan } from '#lib/http/json-scan.ts'
import { AT_ONCE } from '#lib/shares.ts'
import { seeded } from './seeded.ts'

/** Texts of every construct, to be made wrong. */
const SOUND: readonly string[] = [
  '{"a":1,"b":[true,false,null],"c":{"d":"e"}}',
  '[{"payload":"x","properties":{"headers":{"h":[1,2]}}},{"payload":""},5,"s",[[]]]',
  '{"messages":[{"payload":"a\\n\\u00e9\\ud83d\\ude00"},{"routing_key":"k","payload":"b"}]}',
  '{"routing_key":"my key","p\\u0061yload":"my body","payload_encoding":"string"}',
  '{"messages":[],"messages":[{"payload":{}}]}',
  '{"payload":[{"payload":1}],"messages":5,"payload":"last"}',
  ' [ -0 , 0.5 , 1e5 , 1E-7 , -12.25e+2 , 123456789012345678901234567890 ] ',
  '"a\\"\\\\\\/\\b\\f\\n\\r\\t\\u12aF"',
  '{\r\n  "über": "ß€😀",\r  "": [\n\n]\n}\t',
  '\ufeff[1]',
  '[[[[[[[[[[{"a":[[[]]]}]]]]]]]]]]',
  '{"__proto__":1,"a":{"__proto__":[]}}',
  'true',
  '0',
]
const PIECES: readonly string[] = [
  ...['"', '\\', '{', '}', '[', ']', ',', ':', '-', '+', '.', 'e', 'E', '0', '1', ' ', '\n', '\r'],
  ...['\t', '\0', '\x1f', '\x7f', 'true', 'fals', 'nul', '\\u', '\\ud800', '\\x', 'é', '\ufeff'],
  ...['"payload":', '"messages":[', '[]', '{}', '""', '01', '1.', '// c', "'", 'NaN', '\u2028'],
]

/** Mutated texts without end, the same ones for a seed. */
export function* mutations(seed: number): Generator<Buffer> {
  const random = seeded(seed)
  const below = (most: number) => Math.floor(random() * most)
  const pick = (from: readonly string[]) => from[below(from.length)] as string
  for (;;) {
    let body = Buffer.from(pick(SOUND))
    for (let left = below(4); left > 0; left -= 1) {
      const at = below(body.length + 1)
      const to = Math.min(body.length, at + below(6))
      const [head, tail] = [body.subarray(0, at), body.subarray(at)]
      body = [
        () => Buffer.concat([head, Buffer.from(pick(PIECES)), tail]),
        () => Buffer.concat([head, body.subarray(to)]),
        () => Buffer.concat([head, body.subarray(at, to), tail]),
        () => Buffer.concat([head, Buffer.from([below(256)]), body.subarray(at + 1)]),
        () => Buffer.concat([head, Buffer.from(pick(SOUND)), tail]),
        () => Buffer.from(head),
      ][below(6)]?.() as Buffer<ArrayBuffer>
    }
    yield body
  }
}

const PLACE = /line \d+ column \d+/

/**
 * The check of a body says what a strict decoder and `JSON.parse` say, and where; it says so in pieces
 * as well; and a batch's items are those that `JSON.parse` finds.
 */
export function assertAgrees(body: Buffer, pieces: (most: number) => number): void {
  const fault = jsonFault(body, AT_ONCE)
  assert.ok(!(fault instanceof Promise), 'short bodies are checked at once')
  const parsed = parse(body)
  if ('place' in parsed) {
    assert.ok(fault !== undefined, `accepted: ${show(body)}`)
    if (parsed.place !== undefined) assert.equal(PLACE.exec(fault)?.[0], parsed.place, show(body))
  } else {
    assert.equal(fault, undefined, `refused: ${show(body)}`)
    assertItems(body, parsed.value)
  }
  assertPieces(body, pieces)
}

type Parsed = { readonly value: unknown } | { readonly place: string | undefined }

function parse(body: Buffer): Parsed {
  let text: string
  try {
    // Drops one byte order mark.
    text = new TextDecoder('utf-8', { fatal: true }).decode(body)
  } catch {
    return { place: undefined }
  }
  try {
    return { value: JSON.parse(text) }
  } catch (error) {
    return { place: PLACE.exec((error as Error).message)?.[0] }
  }
}

const show = (body: Buffer) => JSON.stringify(body.toString('latin1'))

function assertPieces(body: Buffer, pieces: (most: number) => number): void {
  const range = [bomBytes(body), body.length] as const
  const whole = startScan(body, range, MOST_LEVELS)
  scanOn(whole, body.length)
  const parts = startScan(body, range, MOST_LEVELS)
  while (scanOn(parts, 1 + pieces(8)));
  const told = ({ at, fault, values, deepest }: Scan) => ({ at, fault, values, deepest })
  assert.deepEqual(told(parts), told(whole), show(body))
}

function assertItems(body: Buffer, value: unknown): void {
  const cut = new Cut(body, [bomBytes(body), body.length], { levels: MOST_LEVELS, items: 1_000 })
  assert.equal(scanFault(cut.scan, AT_ONCE), undefined)
  const { list, items, whole } = cut
  const same = (item: Item, expected: unknown) => {
    assert.equal(
      stringify(parseRange(body, [item.from, item.end])),
      stringify(expected),
      show(body),
    )
    const payload = isObject(expected) ? expected['payload'] : undefined
    const found = item.payload === undefined ? undefined : parseRange(body, item.payload)
    assert.equal(stringify(found), stringify(payload), show(body))
  }
  if (list === undefined) {
    same(whole, value)
    return
  }
  if (whole.members > 1) return // Refused, see batch-items.
  const expected = list === 'whole' ? value : (value as { messages: unknown }).messages
  assert.ok(Array.isArray(expected))
  assert.equal(items.length, expected.length, show(body))
  for (const [index, item] of items.entries()) same(item, expected[index])
}

const parseRange = (body: Buffer, [from, end]: readonly [number, number]): unknown =>
  JSON.parse(body.toString('utf8', from, end))
const stringify = (value: unknown) => JSON.stringify(value)
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
