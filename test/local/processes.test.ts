import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { endNoted, identify, isAlive, killNoted, noteProcess } from '#infra/local/processes.ts'

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'warren-processes-'))
  t.after(() => rmSync(made, { recursive: true }))
  return made
}

async function started(t: TestContext, script: string): Promise<ChildProcess & { pid: number }> {
  const child = spawn(process.execPath, ['-e', `${script};console.log('up')`], { detached: true })
  t.after(() => child.kill('SIGKILL'))
  await once(child.stdout, 'data')
  return child as ChildProcess & { pid: number }
}

const WAITS = 'setInterval(() => {}, 1000)'

test('a process is known again until it ends', async (t) => {
  const child = await started(t, WAITS)
  const id = identify(child.pid)
  assert.ok(id && isAlive(id))
  assert.equal(isAlive({ ...id, startedAt: 'earlier' }), false)
  child.kill('SIGKILL')
  await once(child, 'exit')
  assert.equal(isAlive(id), false)
})

test('noted processes are ended, wherever their notes are, and named', async (t) => {
  const home = folder(t)
  const child = await started(t, WAITS)
  mkdirSync(join(home, 'a/b'), { recursive: true })
  noteProcess(join(home, 'a/b'), 'relay-topic1', child.pid)
  const ended = once(child, 'exit')
  assert.deepEqual(await endNoted(home), ['relay-topic1'])
  assert.deepEqual(await ended, [null, 'SIGTERM'])
  assert.deepEqual(readdirSync(join(home, 'a/b')), [])
})

test('a process that happens to have a noted pid is left alone', async (t) => {
  const home = folder(t)
  const child = await started(t, WAITS)
  writeFileSync(join(home, 'old.process'), JSON.stringify({ pid: child.pid, startedAt: 'before' }))
  assert.deepEqual(await endNoted(home), [])
  assert.equal(child.exitCode, null)
  assert.ok(identify(child.pid))
})

test('what ignores SIGTERM is killed at once when nobody wants to wait', async (t) => {
  const home = folder(t)
  const child = await started(t, `process.on('SIGTERM', () => {});${WAITS}`)
  noteProcess(home, 'stubborn', child.pid)
  const ended = once(child, 'exit')
  killNoted(home)
  assert.deepEqual(await ended, [null, 'SIGKILL'])
})
