import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { promisify } from 'node:util'
import { ROOT } from '#infra/local/settings.ts'
import type { ClientsReport } from '../clients/report.ts'
import { haveInstalled } from '../support/installed.ts'
import { ownHome } from '../support/stack.ts'

const run = promisify(execFile)
const MAIN = join(ROOT, 'test', 'clients', 'main.ts')

before(() => haveInstalled({ curl: 'curl' }))

test('`npm run clients` finds the bytes of every style of curl in the queue, and leaves nothing', async (t) => {
  const TMPDIR = ownHome(t)
  const env = { ...process.env, TMPDIR }
  const { stdout } = await run(process.execPath, [MAIN, 'curl, ', '--json'], { env })
  assert.deepEqual(readdirSync(TMPDIR), [])
  const [json, verdict] = stdout.trim().split('\n') as [string, string]
  assert.equal(verdict, 'clients: 15 of 15 cells identical')
  const report: ClientsReport = JSON.parse(json)
  const framing = new Map(report.clients.map((client) => [client.name, client.framing]))
  assert.equal(framing.get('curl, HTTP/1.0'), 'HTTP/1.0')
  assert.match(framing.get('curl, chunked') ?? '', /^HTTP\/1\.1, chunked/)
  assert.equal(framing.get('curl, Expect'), 'HTTP/1.1, Expect (answer 100)')
  assert.deepEqual(
    report.clients.map(({ tls }) => typeof tls.intermediate),
    Array(5).fill('string'),
  )
})

test('a name that no client has, or an option that is none, ends it with the usage', async () => {
  await assert.rejects(run(process.execPath, [MAIN, 'no such client']), { code: 2 })
  await assert.rejects(run(process.execPath, [MAIN, '--quickly']), { code: 2 })
})
