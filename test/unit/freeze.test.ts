import assert from 'node:assert/strict'
import { test } from 'node:test'
import { watchFreezes } from '#lib/amqp/freeze.ts'

function watch() {
  const now = { wall: 1_000_000, monotonic: 0 }
  const gaps: number[] = []
  const clocks = { wallMs: () => now.wall, monotonicMs: () => now.monotonic }
  const freezes = watchFreezes((ms) => gaps.push(ms), 2000, clocks)
  return { now, gaps, freezes }
}

test('time that passes in small steps is no gap', (t) => {
  const { now, gaps, freezes } = watch()
  t.after(freezes.stop)
  for (let i = 0; i < 100; i += 1) {
    now.wall += 1900
    now.monotonic += 1900
    freezes.note()
  }
  assert.deepEqual(gaps, [])
})

test('a gap shows on whichever clock went on', (t) => {
  const { now, gaps, freezes } = watch()
  t.after(freezes.stop)
  now.wall += 60_000 // the monotonic clock stood still, as in a suspended machine
  freezes.note()
  now.monotonic += 3000 // the wall clock was set back by as much
  freezes.note()
  assert.deepEqual(gaps, [60_000, 3000])
})

test('a step back of the wall clock counts as a gap', (t) => {
  const { now, gaps, freezes } = watch()
  t.after(freezes.stop)
  now.wall -= 5000
  freezes.note()
  assert.deepEqual(gaps, [5000])
})

test('the system’s clocks are watched without being asked', async (t) => {
  const gaps: number[] = []
  const freezes = watchFreezes((ms) => gaps.push(ms), 900)
  t.after(freezes.stop)
  await new Promise((resolve) => setTimeout(resolve, 1200))
  assert.equal(gaps.length, 1)
})
