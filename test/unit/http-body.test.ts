import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { readBody, readLabel } from '#lib/http/body.ts'
import { createFaults } from '#lib/http/faults.ts'
import { opensJson } from '#lib/http/json.ts'
import { isJsonType } from '#lib/http/media-type.ts'
import { AT_ONCE } from '#lib/shares.ts'
import { request, type Values } from '../support/requests.ts'

const JSON_TYPE = 'application/json'
const FORM = 'application/x-www-form-urlencoded'
const BOM = '\ufeff'

async function labelled(headers: Values, body: Buffer | string) {
  const faults = createFaults()
  const label = readLabel(request({ headers }), faults)
  const bytes = Buffer.from(body as string)
  const { contentType, malformed } = await readBody(label, bytes, AT_ONCE)
  return {
    contentType,
    encoding: label.encoding,
    isMalformed: malformed !== undefined,
    faults: faults.items.map((item) => item.pointer),
  }
}

const gets = (headers: Values, body: Buffer | string, contentType: string) =>
  test(`${JSON.stringify(headers)} with ${JSON.stringify(String(body))} is ${contentType}`, async () => {
    const read = await labelled(headers, body)
    assert.deepEqual([read.contentType, read.isMalformed, read.faults], [contentType, false, []])
  })

describe('the content type of a message', () => {
  gets({ 'content-type': 'text/xml; charset=ISO-8859-1' }, '<a/>', 'text/xml; charset=ISO-8859-1')
  gets({ 'content-type': 'Application/JSON;charset=utf-8' }, '{}', 'Application/JSON;charset=utf-8')
  gets({}, '', 'application/octet-stream')
  gets({}, 'hello', 'application/octet-stream')
  gets({}, '42', 'application/octet-stream')
  gets({}, '{"a":', 'application/octet-stream')
  gets({ 'content-type': '' }, 'hello', 'application/octet-stream')
  gets({}, ` ${'\t\r\n'}{"a":1}`, JSON_TYPE)
  gets({}, `${BOM}[1]`, JSON_TYPE)
  gets({ 'content-type': FORM }, '{"a":1}', JSON_TYPE)
  gets({ 'content-type': `${FORM}; charset=UTF-8` }, '[]', JSON_TYPE)
  gets({ 'content-type': FORM }, 'a=1&b=2', FORM)
  gets({ 'content-type': FORM }, '"text"', FORM)
  gets({ 'content-type': 'text/plain' }, '{"a":1}', 'text/plain')
  gets({ 'content-encoding': 'gzip' }, '{"a":1}', 'application/octet-stream')
  gets({ 'content-type': FORM, 'content-encoding': 'gzip' }, '{}', FORM)
  gets({ 'content-type': JSON_TYPE, 'content-encoding': 'gzip' }, 'no json', JSON_TYPE)
  gets({ 'content-type': JSON_TYPE, 'content-encoding': 'Identity' }, '{}', JSON_TYPE)

  test('is a fault when it was given twice, or is too long', async () => {
    const twice = await labelled({ 'content-type': ['a/b', 'a/b'] }, '')
    assert.deepEqual(twice.faults, ['#/headers/Content-Type'])
    const long = 'x'.repeat(256)
    const both = await labelled({ 'content-type': long, 'content-encoding': long }, '')
    assert.deepEqual(both.faults, ['#/headers/Content-Type', '#/headers/Content-Encoding'])
  })

  test('leaves the content encoding as it was, several as one list', async () => {
    assert.equal((await labelled({ 'content-encoding': 'X-Gzip' }, '')).encoding, 'X-Gzip')
    assert.equal((await labelled({ 'content-encoding': ['br', 'gzip'] }, '')).encoding, 'br, gzip')
    assert.equal((await labelled({ 'content-encoding': '' }, '')).encoding, undefined)
  })
})

describe('a body that claims to be JSON', () => {
  for (const type of [JSON_TYPE, 'text/json', 'application/vnd.api+json', 'A/B+JSON ; v=1']) {
    test(`by ${type} must be JSON`, async () => {
      assert.ok((await labelled({ 'content-type': type }, 'x')).isMalformed)
      assert.ok(!(await labelled({ 'content-type': type }, '1')).isMalformed)
    })
  }

  for (const type of ['application/x-ndjson', 'application/json-seq', 'text/plain', 'json']) {
    test(`does not by ${type}`, () => assert.ok(!isJsonType(type)))
  }

  test('must be UTF-8; no charset parameter changes that', async () => {
    const latin1 = Buffer.from('{"a":"é"}', 'latin1')
    const type = { 'content-type': 'application/json; charset=iso-8859-1' }
    assert.ok((await labelled(type, latin1)).isMalformed)
  })
})

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array)),
  fc.json().map((text) => Buffer.from(text)),
  fc.json().map((text) => Buffer.from(BOM + text)),
  fc.tuple(fc.json(), fc.nat(), fc.nat(255)).map(([text, at, byte]) => {
    const changed = Buffer.from(text)
    changed[at % changed.length] = byte
    return changed
  }),
)

test('only what opens an object or array can be taken for JSON', () => {
  fc.assert(
    fc.property(bytes, (body) => {
      fc.pre(isJson(body))
      const value = JSON.parse(new TextDecoder().decode(body))
      assert.equal(opensJson(body), typeof value === 'object' && value !== null)
    }),
  )
})

function isJson(body: Buffer): boolean {
  try {
    // Drops one byte order mark.
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
    return true
  } catch {
    return false
  }
}
