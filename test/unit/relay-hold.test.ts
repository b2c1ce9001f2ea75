import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPauses, LONGEST_PAUSE_MS, overdue, type Sight } from '#relay/hold.ts'

const FOUND: Sight = { found: true, messages: 10, blocked: false }
const GONE: Sight = { found: false, messages: undefined, blocked: false }

test('after a nack it waits for fewer messages, or for the pause', () => {
  const pause = createPauses(10_000).begin('nacked', 10, 0)
  assert.equal(pause.mayResume(FOUND, 9999), false)
  assert.equal(pause.mayResume({ ...FOUND, messages: 9 }, 1), true)
  assert.equal(pause.mayResume(FOUND, 10_000), true)
})

test('what was missing is tried as soon as it is found', () => {
  const pause = createPauses(10_000).begin('unroutable', undefined, 0)
  assert.equal(pause.mayResume(FOUND, 1), false, 'it was there all the time')
  assert.equal(pause.mayResume(GONE, 20_000), false)
  assert.equal(pause.mayResume(FOUND, 2), true)
})

test('what was lost or under alarm is tried as soon as it is back', () => {
  for (const trouble of ['lost', 'blocked'] as const) {
    const pause = createPauses(10_000).begin(trouble, 10, 0)
    assert.equal(pause.mayResume({ ...FOUND, blocked: true }, 20_000), false)
    assert.equal(pause.mayResume(FOUND, 1), true)
  }
})

test('a destination that only forbids, or is silent, is tried after the pause', () => {
  for (const trouble of ['forbidden', undefined] as const) {
    const pause = createPauses(10_000).begin(trouble, 10, 0)
    assert.equal(pause.mayResume({ ...FOUND, messages: 0 }, 9999), false)
    assert.equal(pause.mayResume(FOUND, 10_000), true)
  }
})

test('pauses double up to two hours, and begin anew after a message got through', () => {
  const pauses = createPauses(10_000)
  const lengths = Array.from({ length: 12 }, () => {
    const pause = pauses.begin('nacked', 10, 0)
    let length = 10_000
    while (!pause.mayResume(FOUND, length)) length = Math.min(length * 2, LONGEST_PAUSE_MS)
    return length
  })
  assert.deepEqual(lengths.slice(0, 4), [10_000, 20_000, 40_000, 80_000])
  assert.equal(lengths.at(-1), LONGEST_PAUSE_MS)
  pauses.reset()
  assert.equal(pauses.begin('nacked', 10, 0).mayResume(FOUND, 10_000), true)
})

test('the channel is closed when nothing becomes safe, or before a delivery is 30 minutes old', () => {
  const work = {
    inHand: 1,
    aside: 0,
    isCrowded: false,
    inFlight: 0,
    bytes: 0,
    progressMs: 0,
    oldestMs: 0,
    safe: 0,
  }
  const state = { ...work, trouble: undefined }
  assert.equal(overdue(state, 59_999, 60_000), undefined)
  assert.equal(overdue(state, 60_000, 60_000), 'held')
  const slow = { ...state, progressMs: 1_200_000 }
  assert.equal(overdue({ ...slow, oldestMs: 1 }, 1_200_000, 60_000), undefined)
  assert.equal(overdue(slow, 1_200_000, 60_000), 'recycled')
  assert.equal(overdue({ ...state, inHand: 0 }, 1e9, 60_000), undefined)
})
