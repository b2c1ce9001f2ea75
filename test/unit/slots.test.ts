import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createSlots } from '#lib/amqp/slots.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'

test('who finds no place waits in line, first come, first served', async () => {
  const slots = createSlots(1)
  assert.equal(await slots.take(deadlineIn(10)), true)
  const order: string[] = []
  const first = Promise.resolve(slots.take(deadlineIn(1000))).then(() => order.push('first'))
  const second = Promise.resolve(slots.take(deadlineIn(1000))).then(() => order.push('second'))
  slots.give()
  await first
  slots.give()
  await second
  assert.deepEqual(order, ['first', 'second'])
})

test('who waits beyond the deadline is told that there is too much under way', async () => {
  const slots = createSlots(1)
  await slots.take(deadlineIn(10))
  await assert.rejects(
    async () => slots.take(deadlineIn(20)),
    (error) => error instanceof WarrenError && error.code === 'overloaded',
  )
  slots.give()
  assert.equal(await slots.take(deadlineIn(10)), true)
})

test('places that are given up send everybody away', async () => {
  const slots = createSlots(1)
  await slots.take(deadlineIn(10))
  const waiting = slots.take(deadlineIn(1000))
  slots.giveUp()
  assert.equal(await waiting, false)
  assert.equal(await slots.take(deadlineIn(10)), false)
})
