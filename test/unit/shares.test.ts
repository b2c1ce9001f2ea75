import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deadlineIn } from '#lib/deadline.ts'
import { createShares, type Pace } from '#lib/shares.ts'
import { rejection } from '../support/errors.ts'

const soon = () => deadlineIn(60_000)

test('each party has its turn, however much another one asks for', async () => {
  const shares = createShares()
  const order: string[] = []
  const work = async (pace: Pace, name: string, pieces: number) => {
    for (let left = pieces; left > 0; left -= 1) {
      await pace.next()
      order.push(name)
    }
  }
  const greedy = Array.from({ length: 10 }, () => work(shares.pace('greedy', soon()), 'greedy', 20))
  const modest = work(shares.pace('modest', soon()), 'modest', 5)
  await Promise.all([...greedy, modest])
  assert.equal(order.length, 205)
  assert.ok(order.lastIndexOf('modest') <= 10, `done at piece ${order.lastIndexOf('modest')}`)
})

test("a party's own works take turns, so that a short one is not behind a long one", async () => {
  const shares = createShares()
  const order: string[] = []
  const work = async (name: string, pieces: number) => {
    const pace = shares.pace('one', soon())
    for (let left = pieces; left > 0; left -= 1) {
      await pace.next()
      order.push(name)
    }
  }
  await Promise.all([work('long', 50), work('short', 2)])
  assert.deepEqual(order.slice(0, 4), ['long', 'short', 'long', 'short'])
})

test('the event loop goes on between two pieces', async () => {
  const shares = createShares()
  const pace = shares.pace('one', soon())
  let turns = 0
  const count = () => {
    turns += 1
    if (turns < 50) setImmediate(count)
  }
  setImmediate(count)
  for (let piece = 0; piece < 20; piece += 1) await pace.next()
  assert.ok(turns >= 19, `${turns} turns`)
})

test('a piece is due after a millisecond, and from its turn on anew', async () => {
  const pace = createShares().pace('one', soon())
  assert.equal(pace.isDue(), false)
  const until = performance.now() + 2
  while (performance.now() < until);
  assert.equal(pace.isDue(), true)
  await pace.next()
  assert.equal(pace.isDue(), false)
})

test('work that leaves the broker no time is overloaded, and is told so while there is time', async () => {
  const shares = createShares()
  const pace = shares.pace('one', deadlineIn(200))
  const startedMs = performance.now()
  const work = async () => {
    for (;;) await pace.next()
  }
  assert.equal((await rejection(work())).code, 'overloaded')
  const ms = performance.now() - startedMs
  assert.ok(ms >= 95 && ms < 200, `after ${ms} ms`)
  await shares.pace('one', soon()).next()
})
