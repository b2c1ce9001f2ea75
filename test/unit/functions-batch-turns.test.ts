import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTurns } from '#functions/batch/turns.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { rejection } from '../support/errors.ts'

/** Batches under way by exchange, each ended by hand. */
function stage() {
  const turns = createTurns()
  const ends: (() => void)[] = []
  const begun: string[] = []
  const send = (exchange: string, ms = 5000) =>
    turns.take(exchange, deadlineIn(ms), () => {
      begun.push(exchange)
      return new Promise<void>((resolve) => ends.push(resolve))
    })
  return { ends, begun, send }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

test('eight batches to an exchange are under way at once, in the order in which they came', async () => {
  const { ends, begun, send } = stage()
  const sent = Array.from({ length: 10 }, () => send('a'))
  await turn()
  assert.equal(begun.length, 8)
  ends[3]?.()
  await turn()
  assert.equal(begun.length, 9)
  for (let index = 0; index < 10; index += 1) {
    ends[index]?.()
    await turn()
  }
  await Promise.all(sent)
})

test('none waits for the exchange of another', async () => {
  const { ends, begun, send } = stage()
  const sent = Array.from({ length: 8 }, () => send('full'))
  sent.push(send('free'))
  await turn()
  assert.equal(begun.at(-1), 'free')
  for (const end of ends) end()
  await Promise.all(sent)
})

test('a batch whose turn does not come before its deadline is refused, and not begun', async () => {
  const { ends, begun, send } = stage()
  const sent = Array.from({ length: 8 }, () => send('a'))
  const { code } = await rejection(send('a', 20))
  assert.deepEqual([code, begun.length], ['overloaded', 8])
  for (const end of ends) end()
  await Promise.all(sent)
  const next = send('a')
  await turn()
  ends[8]?.()
  await next
})

test('a batch that fails makes room for the next', async () => {
  const turns = createTurns()
  const fail = () => turns.take('a', deadlineIn(100), () => Promise.reject(new Error('no')))
  for (let count = 0; count < 20; count += 1) await assert.rejects(fail(), /no/)
})
