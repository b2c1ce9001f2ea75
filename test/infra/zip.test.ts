import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { zip } from '#infra/plugins/zip.ts'
import { unzip } from '../support/unzip.ts'

test('what was packed comes out again', () => {
  const files = new Map([
    ['handler.cjs', Buffer.from('exports.handler = 1\n'.repeat(1000))],
    ['ordner/größe.bin', randomBytes(5000)],
    ['empty', Buffer.alloc(0)],
  ])
  const entries = [...files].map(([name, content]) => ({ name, content }))
  assert.deepEqual(unzip(zip(entries)), files)
})

test('the same files give the same bytes, whenever they are packed', (t) => {
  const at = (year: number) => {
    t.mock.timers.enable({ apis: ['Date'], now: Date.UTC(year, 5) })
    const archive = zip([{ name: 'a', content: Buffer.from('a') }])
    t.mock.timers.reset()
    return archive
  }
  assert.deepEqual(at(2031), at(2026))
})
