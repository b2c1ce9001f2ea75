import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createUnconfirmed } from '#lib/amqp/unconfirmed.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { rejection } from '../support/errors.ts'

const message = (messageId: string) => ({
  exchange: 'orders',
  routingKey: '',
  body: Buffer.from('1'),
  properties: { deliveryMode: 2 as const, messageId },
  mandatory: true,
})

/** Messages whose confirms are never late. */
const underWay = () => createUnconfirmed({ onLate: async () => false, onSettled: () => {} })

test('a confirm of many settles them and none after them', async () => {
  const messages = underWay()
  const added = [1, 2, 3].map((number) =>
    messages.add(message(`m${number}`), number, deadlineIn(5000)),
  )
  for (const one of messages.upTo(2, true)) messages.settle(one, true)
  assert.deepEqual(await Promise.all(added.slice(0, 2)), [true, true])
  assert.deepEqual(messages.upTo(2, true), [])
  assert.deepEqual(
    messages.all().map(({ messageId }) => messageId),
    ['m3'],
  )
  for (const one of messages.upTo(3, false)) messages.settle(one, false)
  assert.equal(await added[2], false)
})

test('the caller is told at the deadline, and the place is freed by the confirm', async () => {
  const messages = underWay()
  const { code } = await rejection(messages.add(message('m'), 1, deadlineIn(20)))
  assert.deepEqual([code, messages.count()], ['confirm-timeout', 1])
  for (const one of messages.upTo(1, false)) messages.settle(one, true)
  assert.equal(messages.count(), 0)
})

test('a hundred thousand can wait for a message with the same id', async () => {
  const messages = underWay()
  const added = messages.add(message('same'), 1, deadlineIn(30_000))
  const waiting = Array.from({ length: 100_000 }, () =>
    messages.settled('same', deadlineIn(30_000)),
  )
  const { code } = await rejection(messages.settled('same', deadlineIn(1)))
  assert.equal(code, 'overloaded')
  for (const one of messages.upTo(1, false)) messages.settle(one, true)
  assert.equal(await added, true)
  await Promise.all(waiting)
})
