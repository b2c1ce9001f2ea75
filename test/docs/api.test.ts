import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '#infra/local/settings.ts'
import { readHttp } from '#lib/config.ts'
import { GATEWAY, readGateway } from '#lib/config-gateway.ts'
import { MOST_ITEMS } from '#lib/http/batch-items.ts'
import { ENVELOPE_PROPERTIES } from '#lib/http/envelope.ts'
import { openApi } from '#lib/http/openapi.ts'
import { PROPERTIES, PROPERTY_NAMES, type Property } from '#lib/http/properties.ts'
import { startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import { codeBlocks, tableRows } from '../support/markdown.ts'
import { observe } from '../support/messages.ts'
import { blockOf, LANGUAGES } from '../support/senders.ts'

const run = promisify(execFile)
const text = readFileSync(join(ROOT, 'docs', 'api.md'), 'utf8')

describe('every example of docs/api.md', () => {
  const ending = endOfFile()
  let origin: string
  const commands = codeBlocks(text, 'sh').filter((block) => block.startsWith('curl '))
  const answers = codeBlocks(text, 'json')

  before(async () => {
    const broker = await startBroker()
    ending.after(() => broker.dispose())
    const observer = await observe(broker.amqpUrl)
    ending.after(() => observer.close())
    await observer.bind('exchange', 'topic1')
    const env = { AMQP_URL: broker.amqpUrl, API_TOKEN: 'super_secret_key' }
    origin = (await startTestGateway(ending, env)).origin
  })

  test('has an answer', () => {
    assert.ok(commands.length >= 3)
    assert.equal(commands.length, answers.length)
  })

  for (const [i, command] of commands.entries()) {
    test(`is answered as it says there: ${command.slice(0, 60)} …`, async () => {
      const here = command.replaceAll('http://127.0.0.1:8080', origin)
      const { stdout } = await run('sh', ['-c', here])
      const plain = (json = '') =>
        JSON.parse(json.replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'uuid'))
      assert.deepEqual(plain(stdout), plain(answers[i]))
    })
  }
})

test('the routes are those of the OpenAPI document', () => {
  const documented = Object.entries(openApi.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  )
  const [rows = []] = tableRows(text, 'what')
  const named = rows.flatMap(([what = '']) => {
    const [method, ...paths] = what.replaceAll('`', '').split(' ')
    return paths.map((path) => `${method} ${path}`)
  })
  // A file of the page is nobody's to ask for.
  assert.deepEqual(
    named.toSorted(),
    documented.filter((route) => route !== 'GET /docs/{asset}').toSorted(),
  )
})

test('the table of what can be set is the one that requests are checked by', () => {
  const values = (rule: Property) => {
    if (rule.kind === 'integer') return `${rule.min} to ${rule.max}`
    if (rule.kind === 'text') return rule.minBytes === undefined ? 'text' : 'text, not empty'
    return rule.kind === 'table' ? 'JSON object' : '`true` or `false`'
  }
  assert.deepEqual(tableRows(text, 'name'), [
    PROPERTY_NAMES.map((name) => [name, values(PROPERTIES[name]), PROPERTIES[name].says]),
  ])
  const outside = PROPERTY_NAMES.filter((name) => !ENVELOPE_PROPERTIES.includes(name))
  const members = tableRows(text, 'member')[0]?.map(([member]) => member) ?? []
  assert.ok(members.includes(outside.map((name) => `\`${name}\``).join(' ')), members.join())
})

test('the limits are those of the code', () => {
  const rows = tableRows(text, '')[0] ?? []
  const [onAws, gateway] = [readHttp({}), readGateway({})]
  const cell = (name: string, column: number) =>
    rows.find(([head]) => head === name)?.[column] ?? ''
  assert.ok(cell('body, in bytes', 1).startsWith(`${onAws.maxBodyBytes} `))
  assert.ok(cell('body, in bytes', 2).startsWith(`${gateway.maxBodyBytes} `))
  assert.deepEqual(
    [cell('messages in a batch', 1), cell('messages in a batch', 2)],
    [`${MOST_ITEMS}`, `${MOST_ITEMS}`],
  )
  assert.ok(cell("a request's way in", 2).startsWith(`${gateway.requestTimeoutMs / 1000} s`))
  const atOnce = cell('at once', 2)
  assert.ok(atOnce.includes(`${gateway.maxConnections} connections`))
  assert.ok(atOnce.includes(`${gateway.maxInflightBytes / 2 ** 20} MiB of bodies`))
  for (const [, name] of text.matchAll(/`(MAX_\w+|REQUEST_\w+)`/g)) {
    assert.ok(name === 'MAX_BODY_BYTES' || (name as string) in GATEWAY, name)
  }
})

for (const language of LANGUAGES) {
  test(`sending again takes at most 15 lines of ${language.fence}`, async () => {
    const lines = (await blockOf(language)).trimEnd().split('\n')
    const at = lines.findIndex((line) => /\bpublish\(/.test(line))
    const loop = lines.slice(at)
    assert.ok(loop.length <= 15, `${loop.length}`)
    assert.deepEqual(
      loop.filter((line) => line.length > 100),
      [],
    )
    // Every language has the whole rule.
    const whole = loop.join('\n').toLowerCase()
    for (const part of ['idempotency-key', 'retry', 'after', 'retryable']) {
      assert.ok(whole.includes(part), part)
    }
  })
}
