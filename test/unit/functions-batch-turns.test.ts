import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurns } from '#functions/batch/turns.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { rejection } from '../support/errors.ts'

const LARGE = 20_000_000

/** Batches under way by exchange, each ended by hand. */
function stage() {
  const turns = createTurns()
  const ends: (() => void)[] = []
  const begun: string[] = []
  const send = (exchange: string, { bytes = LARGE, ms = 5000 } = {}) =>
    turns.take(exchange, bytes, deadlineIn(ms), () => {
      begun.push(exchange)
      return new Promise<void>((resolve) => ends.push(resolve))
    })
  return { ends, begun, send }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

for (const [bytes, most] of [
  [LARGE, 4],
  [131_072, 4],
  [65_536, 8],
  [0, 16],
] as const) {
  test(`${most} batches of ${bytes} bytes to an exchange are under way at once`, async () => {
    const { ends, begun, send } = stage()
    const sent = Array.from({ length: 20 }, () => send('a', { bytes }))
    await turn()
    assert.equal(begun.length, most)
    ends[3]?.()
    await turn()
    assert.equal(begun.length, most + 1)
    for (let index = 0; index < 20; index += 1) {
      ends[index]?.()
      await turn()
    }
    await Promise.all(sent)
  })
}

test('a small batch does not overtake a large one that came before it', async () => {
  const { ends, begun, send } = stage()
  const sent = Array.from({ length: 3 }, () => send('a'))
  sent.push(send('a', { bytes: 0 }), send('a'), send('a', { bytes: 0 }))
  await turn()
  assert.equal(begun.length, 4)
  for (let index = 0; index < 6; index += 1) {
    ends[index]?.()
    await turn()
  }
  await Promise.all(sent)
})

test('none waits for the exchange of another', async () => {
  const { ends, begun, send } = stage()
  const sent = Array.from({ length: 4 }, () => send('full'))
  sent.push(send('free'))
  await turn()
  assert.equal(begun.at(-1), 'free')
  for (const end of ends) end()
  await Promise.all(sent)
})

test('a batch whose turn does not come before its deadline is refused, and not begun', async () => {
  const { ends, begun, send } = stage()
  const sent = Array.from({ length: 4 }, () => send('a'))
  const { code } = await rejection(send('a', { ms: 20 }))
  assert.deepEqual([code, begun.length], ['overloaded', 4])
  for (const end of ends) end()
  await Promise.all(sent)
  const next = send('a')
  await turn()
  ends[4]?.()
  await next
})

test('a batch that fails makes room for the next', async () => {
  const turns = createTurns()
  const fail = () => turns.take('a', LARGE, deadlineIn(100), () => Promise.reject(new Error('no')))
  for (let count = 0; count < 20; count += 1) await assert.rejects(fail(), /no/)
})
