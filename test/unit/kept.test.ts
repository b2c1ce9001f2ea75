import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { deadlineIn } from '#lib/deadline.ts'
import { kept } from '#lib/kept.ts'

/** A clock and a source that a test moves by hand. */
function fixture() {
  const state = { nowMs: 1_000_000, reads: 0, failures: 0, read: async () => 'one' }
  const value = kept({
    read: () => {
      state.reads += 1
      return state.read()
    },
    everyMs: 20,
    keepMs: 100,
    timeoutMs: 50,
    now: () => state.nowMs,
    onFailure: () => {
      state.failures += 1
    },
  })
  return { state, get: (fresh = false) => value.get(deadlineIn(1_000), fresh) }
}

const fails = () => Promise.reject(new Error('away'))

describe('a kept value', () => {
  test('is read once for all who ask, and again when it is due', async () => {
    const { state, get } = fixture()
    assert.deepEqual(await Promise.all([get(), get()]), ['one', 'one'])
    state.nowMs += 19
    await get()
    assert.equal(state.reads, 1)
    state.nowMs += 1
    state.read = async () => 'two'
    assert.equal(await get(), 'two')
    assert.equal(state.reads, 2)
  })

  test('is due when the clock stepped back', async () => {
    const { state, get } = fixture()
    await get()
    state.nowMs -= 1
    await get()
    assert.equal(state.reads, 2)
  })

  test('is read at once when it was found to be wrong', async () => {
    const { state, get } = fixture()
    await get()
    state.read = async () => 'two'
    assert.equal(await get(true), 'two')
  })

  test('outlives failures for its time, tried again no more often than a good one', async () => {
    const { state, get } = fixture()
    await get()
    state.read = fails
    state.nowMs += 99
    assert.equal(await get(), 'one')
    assert.equal(await get(), 'one')
    assert.deepEqual([state.reads, state.failures], [2, 1])
    state.nowMs += 1
    await assert.rejects(get(), /away/)
    state.read = async () => 'back'
    assert.equal(await get(), 'back')
  })

  test('that was never read is tried with each asking', async () => {
    const { state, get } = fixture()
    state.read = fails
    await assert.rejects(get(), /away/)
    state.read = async () => 'one'
    assert.equal(await get(), 'one')
  })

  test('is not waited for longer than one reading may take', async () => {
    const { state, get } = fixture()
    state.read = () => new Promise(() => {})
    await assert.rejects(get(), /too long/)
    state.read = async () => 'one'
    assert.equal(await get(), 'one')
  })
})
