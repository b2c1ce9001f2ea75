import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { ROOT } from '#infra/local/settings.ts'
import { readRelays } from '#infra/relays.ts'
import { BROKER, HTTP } from '#lib/config.ts'
import { GATEWAY } from '#lib/config-gateway.ts'
import { RELAY, readRelay } from '#lib/config-relay.ts'
import { parseCommand } from '#relay/commands/args.ts'
import { helpFor } from '#relay/commands/help.ts'
import { HEADER } from '#relay/copy.ts'
import { codeBlocks, deadLinks, tableRows } from '../support/markdown.ts'
import { readRules } from '../support/observability.ts'
import { ownHome } from '../support/stack.ts'

const FILES = ['api', 'clients', 'consumers', 'errors', 'relays', 'runbook', 'scale'].map(
  (name) => `docs/${name}.md`,
)
const texts = new Map(FILES.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]))
const all = [...texts.values()].join('\n')
const relays = texts.get('docs/relays.md') as string
const runbook = texts.get('docs/runbook.md') as string

/** What matches in the texts, each once. */
const found = (pattern: RegExp, text = all): string[] => [
  ...new Set([...text.matchAll(pattern)].map((match) => match[1] as string)),
]

for (const [file, text] of texts) {
  test(`${file} links to files and sections that are there`, () => {
    assert.deepEqual(deadLinks(file, text), [])
  })
}

test('files, settings and alerts that are named do exist', () => {
  const files = found(/`((?:infra|docs|compose)[\w./-]*\.\w+)`/g)
  assert.deepEqual(
    files.filter((file) => !existsSync(join(ROOT, file))),
    [],
  )
  const settings = new Set(Object.keys({ ...BROKER, ...HTTP, ...GATEWAY, ...RELAY }))
  const words = [
    'AMQP_URL',
    'EXCHANGE',
    'NOT_FOUND',
    'CONNECTION_FORCED',
    'DEST_URL_FILE',
    'TLS_PROFILE',
    'HTTP_REDIRECT',
  ]
  const named = found(/`([A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`/g)
  assert.ok(named.length > 15, named.join())
  assert.deepEqual(
    named.filter((name) => !settings.has(name) && !words.includes(name)),
    [],
  )
  const alerts = readRules().map(({ alert }) => alert)
  const namedAlerts = found(/\b(Warren[A-Z]\w+)/g)
  assert.deepEqual(
    namedAlerts.filter((alert) => !alerts.includes(alert)),
    [],
  )
})

test('every example of settings is valid', (t) => {
  const secret = join(ownHome(t), 'url')
  writeFileSync(secret, 'amqp://user:password@elsewhere/')
  const examples = codeBlocks(relays, 'env').map((block) =>
    Object.fromEntries(block.split('\n').flatMap((line) => setting(line, secret))),
  )
  assert.ok(examples.length >= 3)
  for (const example of examples) {
    const given = Object.keys(example)
    assert.deepEqual(
      given.filter((name) => !(name in RELAY)),
      [],
    )
    readRelay(example)
  }
})

function setting(line: string, secret: string): [string, string][] {
  const [, name, value] = line.match(/^(\w+)=(.*)$/) ?? []
  if (name === undefined || value === undefined) return []
  return [[name, name.endsWith('_FILE') ? secret : value]]
}

test('every example of a listener is a valid entry', (t) => {
  const file = join(ownHome(t), 'relays.yml')
  const entries = codeBlocks(relays, 'yaml')
  writeFileSync(file, `relays:\n${entries.join('')}`)
  assert.equal(readRelays(file).length, entries.length)
})

test("commands of a relay are commands, and reasons for parking are the replay command's", () => {
  const commands = found(/node relay\/main\.ts ([a-z][^`\n]*)/g)
  assert.ok(commands.length >= 4, commands.join())
  for (const command of commands) parseCommand(command.split(' '))
  const inContainers = found(/docker compose run --rm --no-deps (?:--env \S+ )*\S+ ([a-z][^`\n]*)/g)
  assert.ok(inContainers.length >= 3, inContainers.join())
  for (const command of inContainers) parseCommand(command.split(' '))
  const help = helpFor(['replay', '--help']) as string
  const reasons = tableRows(relays, 'reason')[0]?.map(([reason]) => reason as string) ?? []
  assert.deepEqual(
    reasons.filter((reason) => !help.includes(reason)),
    ['expired'], // It is not replayed.
  )
})

test('services that are named in commands are those of compose.yaml', () => {
  const { services } = parse(readFileSync(join(ROOT, 'compose.yaml'), 'utf8'), { merge: true })
  const line =
    /docker compose (?:exec|logs --since \w+|run --rm --no-deps(?: --env \S+)*) (\S+?)[\s`]/g
  const named = found(line)
  assert.ok(named.length >= 4, named.join())
  assert.deepEqual(
    named.filter((name) => !(name in services)),
    [],
  )
})

test('what the runbook says of log lines and reasons is in the code', () => {
  const code = globSync('{relay,gateway,lib}/**/*.ts', { cwd: ROOT })
    .map((file) => readFileSync(join(ROOT, file), 'utf8'))
    .join('\n')
  const lines = tableRows(runbook, 'log line')[0]?.map(([line]) => line as string) ?? []
  const reasons = tableRows(runbook, 'reason')[0]?.map(([reason]) => reason as string) ?? []
  assert.ok(lines.length > 5 && reasons.length > 4)
  const quoted = [...lines, ...reasons].map((cell) => cell.replace(/^`([^`]*)`.*$/, '$1'))
  assert.deepEqual(
    quoted.filter((text) => !code.includes(text)),
    [],
  )
})

test('headers that consumers are told of are those that a relay sets', () => {
  const relayHeaders: readonly string[] = Object.values(HEADER)
  const named = found(/`(x-(?:relay|original|warren)-[a-z-]+)[`:]/g)
  const reroutes = ['x-relay-original-cc', 'x-relay-original-bcc']
  assert.ok(named.length >= 9, named.join())
  assert.deepEqual(
    named.filter((name) => !relayHeaders.includes(name) && !reroutes.includes(name)),
    [],
  )
})
