import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import {
  appendFileSync,
  cpSync,
  existsSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { freePorts } from '#infra/local/ports.ts'
import { ROOT } from '#infra/local/settings.ts'
import { readRelays } from '#infra/relays.ts'
import { codeBlocks } from '../support/markdown.ts'
import { cleanEnv, npmStart, ownHome } from '../support/stack.ts'
import { assertGone, tracesOf } from '../support/traces.ts'

const run = promisify(execFile)
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')
const [start, curl, once, test_] = codeBlocks(readme, 'sh').map((block) => block.trim())

let port: string
before(async () => {
  port = String((await freePorts(1))[0])
})

/** The README's line, with the port of this test's edge. */
const here = (text: string): string => text.replaceAll('127.0.0.1:8080', `127.0.0.1:${port}`)

/** This checkout as a newcomer gets it, and the dependencies of ours. */
function clone(t: TestContext): string {
  const folder = ownHome(t)
  const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard'], { cwd: ROOT })
  for (const file of files.toString().trim().split('\n')) {
    if (existsSync(join(ROOT, file))) cpSync(join(ROOT, file), join(folder, file))
  }
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

test('the README has exactly the commands that are run here', () => {
  assert.equal(start, 'npm start')
  assert.match(curl as string, /^curl -i http:\/\/127\.0\.0\.1:8080\/publish\/exchange /)
  assert.equal(once, 'npm start -- --once')
  assert.equal(test_, 'npm test')
  assert.equal(codeBlocks(readme, 'sh').length, 4)
})

test('the commands of the README, one after the other, in a clone', async (t) => {
  const folder = clone(t)
  const running = npmStart(t, { EDGE_PORT: port }, { cwd: folder })
  await running.until('Stop with Ctrl-C')
  assert.ok(running.printed().includes(here(curl as string)), running.printed())

  const { stdout } = await run('sh', ['-c', here(curl as string)])
  assert.match(stdout, /^HTTP\/1\.1 200 OK\r\n/)
  const answer = stdout.slice(stdout.indexOf('{'))
  assert.match(
    answer,
    /^\{"status":"OK","exchange":"exchange","routingKey":"","messageId":"[\w-]+"\}$/,
  )

  for (const queue of ['topic1', 'topic2']) {
    assert.equal(await messagesIn(queue, running.printed()), 1, queue)
  }
  const traces = tracesOf(running.pid)
  running.ctrlC()
  assert.equal(await running.ended, 0)
  assert.match(running.printed(), /Stopping …\nStopped\.\n$/)
  await assertGone(traces)

  // "Add an entry … and start again": the entry of the README, and the next command.
  const [entry] = codeBlocks(readme, 'yaml')
  appendFileSync(join(folder, 'infra/relays.yml'), entry as string)
  const again = npmStart(t, { EDGE_PORT: port }, { args: ['--once'], cwd: folder })
  assert.equal(await again.ended, 0, again.printed())
  for (const queue of ['topic1', 'topic2', 'topic3']) {
    assert.match(
      again.printed(),
      new RegExp(`^${queue}: \\{"hello": "Gonzalo"\\} .*identical`, 'm'),
    )
  }
})

/** As RabbitMQ's console shows it: address, user and password are those that were printed. */
async function messagesIn(queue: string, printed: string): Promise<number> {
  const [, console] = printed.match(/Console +(\S+)/) ?? []
  const [, user, password] = printed.match(/user (\S+), password (\S+)/) ?? []
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  const untilMs = performance.now() + 20_000
  for (;;) {
    const response = await fetch(`${console}api/queues/%2F/${queue}`, {
      headers: { authorization },
    })
    // The console's numbers are some seconds old.
    const { messages } = (await response.json()) as { messages?: number }
    if (messages || performance.now() > untilMs) return messages ?? 0
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}

test('every example of a listener is a valid entry', (t) => {
  const file = join(ownHome(t), 'relays.yml')
  const entries = codeBlocks(readme, 'yaml')
  assert.equal(entries.length, 2)
  writeFileSync(file, `relays:\n${entries.join('')}`)
  assert.deepEqual(
    readRelays(file).map(({ queue }) => queue),
    ['topic3', 'billing'],
  )
})

test('the example of CONTRIBUTING for one file of tests runs it', async () => {
  const contributing = readFileSync(join(ROOT, 'CONTRIBUTING.md'), 'utf8')
  const [, file] = contributing.match(/`npm test -- (test\/\S+)`/) ?? []
  const { stdout } = await run('npm', ['test', '--', file as string], {
    cwd: ROOT,
    env: cleanEnv(),
  })
  assert.match(stdout, /ℹ pass [1-9]\d*\nℹ fail 0/)
})
