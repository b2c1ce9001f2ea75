import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createPace } from '#relay/pace.ts'

const UNLIMITED = 65_536

test('nothing is limited until the destination refuses', () => {
  assert.equal(createPace('window').allowance(0), UNLIMITED)
})

test('after a refusal it waits 100 ms, then twice as long, and at most 30 s', () => {
  const pace = createPace('window')
  const waits: number[] = []
  for (let now = 0, tries = 0; tries < 11; tries += 1) {
    const due = pace.refused(now)
    waits.push(due - now)
    assert.equal(pace.allowance(due - 1), 0)
    assert.equal(pace.allowance(due), 1)
    now = due
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 30_000, 30_000])
})

test('the rest of a burst that is refused is no further refusal', () => {
  const pace = createPace('window')
  assert.equal(pace.refused(0), 100)
  assert.equal(pace.refused(50), 100)
  assert.equal(pace.refused(100), 300)
})

test('a timer that is early does not stop it', () => {
  const pace = createPace('window')
  const due = pace.refused(0)
  pace.due()
  assert.equal(pace.allowance(due - 1), 1)
})

test('what is allowed doubles each time that as many were taken, and a confirm ends the waiting', () => {
  const pace = createPace('window')
  pace.refused(0)
  const allowed: number[] = []
  for (let taken = 0; taken < 7; taken += 1) {
    pace.confirmed()
    allowed.push(pace.allowance(1))
  }
  assert.deepEqual(allowed, [2, 2, 4, 4, 4, 4, 8])
  assert.equal(pace.refused(1), 101, 'the backoff began anew')
})

test('searching, and with ORDER=strict always, it is one at a time', () => {
  const pace = createPace('window')
  pace.search()
  assert.equal(pace.allowance(0), 1)
  pace.passed()
  assert.equal(pace.allowance(0), UNLIMITED)
  assert.equal(createPace('strict').allowance(0), 1)
})
