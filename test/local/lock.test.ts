import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { AlreadyRunning, takeLock } from '#infra/local/lock.ts'
import { identify } from '#infra/local/processes.ts'

const URL = 'http://127.0.0.1:8080'

function lockFile(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'warren-lock-'))
  t.after(() => rmSync(folder, { recursive: true }))
  return join(folder, 'lock')
}

test('a lock that a living process holds is refused, with the address of what runs', (t) => {
  const file = lockFile(t)
  takeLock(file, URL)
  assert.throws(
    () => takeLock(file, 'http://127.0.0.1:9999'),
    (error: Error) =>
      error instanceof AlreadyRunning &&
      error.message.includes(URL) &&
      error.message.includes(`kill ${process.pid}`),
  )
})

test('a lock that was given back is free, and no other file stays', (t) => {
  const file = lockFile(t)
  takeLock(file, URL)()
  assert.equal(existsSync(file), false)
  takeLock(file, URL)()
  assert.deepEqual(readdirSync(join(file, '..')), [])
})

test('the lock of a process that is gone is taken over', async (t) => {
  const file = lockFile(t)
  const child = spawn(process.execPath, ['-e', ''])
  await once(child, 'exit')
  writeFileSync(file, JSON.stringify({ pid: child.pid, startedAt: '1', url: URL }))
  takeLock(file, URL)
  assert.throws(() => takeLock(file, URL), AlreadyRunning)
})

test('a pid that another process has by now does not hold the lock', (t) => {
  const file = lockFile(t)
  const mine = identify(process.pid)
  writeFileSync(file, JSON.stringify({ ...mine, startedAt: 'before', url: URL }))
  assert.doesNotThrow(() => takeLock(file, URL))
})

test('a lock that was cut off while it was written is taken over', (t) => {
  const file = lockFile(t)
  writeFileSync(file, '{"pid":')
  assert.doesNotThrow(() => takeLock(file, URL))
})
