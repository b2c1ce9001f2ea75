import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLanes, type Refusal } from '#relay/lanes.ts'
import { createWindow, type Entry } from '#relay/window.ts'

/** Lanes with messages that are named after their keys: `a1`, `a2`, `b1`, … */
function bench(by: 'key' | 'message' = 'key') {
  const window = createWindow()
  const lanes = createLanes(window, by)
  const names = new Map<Entry, string>()
  const byName = new Map<string, Entry>()
  let tag = 0
  const add = (name: string): Entry => {
    tag += 1
    const delivery = {
      deliveryTag: tag,
      redelivered: false,
      exchange: '',
      routingKey: '',
      properties: Buffer.alloc(0),
      body: Buffer.from(name),
    }
    const entry = window.add(delivery, 0)
    entry.key = name[0] as string
    names.set(entry, name)
    byName.set(name, entry)
    return entry
  }
  const entry = (name: string) => byName.get(name) ?? add(name)
  return {
    window,
    lanes,
    add,
    entry,
    refuse: (name: string, nowMs: number, why: Refusal = 'unroutable') =>
      lanes.refused(entry(name), why, nowMs),
    confirm: (name: string) => {
      lanes.confirmed(entry(name))
      window.markDone(entry(name))
    },
    due: (nowMs: number, most = 100) =>
      lanes.takeDue(nowMs, most).map((one) => names.get(one) as string),
  }
}

test('with one key that is refused all of that key wait, and others do not', () => {
  const { lanes, window, refuse, add } = bench()
  refuse('a1', 0)
  assert.equal(lanes.takes(add('a2')), true)
  assert.equal(lanes.takes(add('b1')), false)
  assert.equal(window.aside().count, 2)
  assert.equal(window.nextWaiting()?.key, 'b')
  assert.equal(lanes.trouble(), undefined)
})

test('the first of a lane is tried, ever more seldom; then the rest follow in order', () => {
  const { lanes, refuse, confirm, due, add, window } = bench()
  refuse('a1', 0)
  for (const name of ['a2', 'a3', 'a4']) lanes.takes(add(name))
  assert.deepEqual(due(99), [])
  assert.equal(lanes.lookMs, 100)
  assert.deepEqual(due(100), ['a1'])
  refuse('a1', 100)
  assert.deepEqual(due(299), [])
  assert.deepEqual(due(300), ['a1'])
  confirm('a1')
  assert.deepEqual(due(301), ['a2', 'a3'], 'twice as many as got through')
  confirm('a2')
  confirm('a3')
  assert.deepEqual(due(302), ['a4'])
  confirm('a4')
  assert.equal(lanes.takes(add('a5')), false, 'the lane is gone')
  assert.equal(window.aside().count, 0)
})

test('a key that is refused for long is tried every ten seconds', () => {
  const { refuse, due } = bench()
  let nowMs = 0
  for (let round = 0; round < 12; round += 1) {
    refuse('a1', nowMs)
    nowMs += 10_000
    assert.deepEqual(due(nowMs), ['a1'])
  }
})

test('nacked keys are tried one after the other, since each try may leave copies elsewhere', () => {
  const { refuse, due, confirm } = bench()
  refuse('a1', 0, 'nacked')
  refuse('b1', 0, 'nacked')
  refuse('b2', 0, 'nacked')
  assert.deepEqual(due(100), ['a1'])
  assert.deepEqual(due(5000), [], 'until its fate is known')
  refuse('a1', 5000, 'nacked')
  assert.deepEqual(due(5200), ['b1'], 'then it is the turn of another')
  confirm('b1')
  assert.deepEqual(due(5201), ['b2', 'a1'], 'what flows does not wait for its turn')
})

test('when every key is nacked, others are tried one a second, until one gets through', () => {
  const { lanes, refuse, confirm } = bench()
  refuse('a1', 0, 'nacked')
  refuse('b1', 0, 'nacked')
  assert.ok(lanes.allowance(1) > 1)
  refuse('c1', 0, 'nacked')
  assert.equal(lanes.trouble(), 'nacked')
  assert.equal(lanes.allowance(1), 0)
  assert.equal(lanes.allowance(1000), 1)
  confirm('d1')
  assert.ok(lanes.allowance(1001) > 1)
  assert.equal(lanes.trouble(), undefined)
})

test('where the key says nothing, each message that no queue takes waits for itself', () => {
  const { lanes, refuse, due, add } = bench('message')
  refuse('a1', 0)
  assert.equal(lanes.takes(add('a2')), false)
  refuse('a3', 0)
  assert.deepEqual(due(100), ['a1', 'a3'])
  refuse('a4', 0, 'nacked')
  assert.equal(lanes.takes(add('a5')), true, 'a full queue is another matter')
})

test('when the channel is gone what was tried waits in its place again', () => {
  const { lanes, window, refuse, due, entry, add } = bench()
  refuse('a1', 0)
  lanes.takes(add('a2'))
  assert.deepEqual(due(100), ['a1'])
  window.markSent(entry('a1'), 1, Buffer.alloc(0))
  lanes.unsent(window.unsend())
  assert.equal(entry('a1').state, 'aside')
  assert.deepEqual(due(100), ['a1'])
})

test('what leaves its lane leaves the rest of it', () => {
  const { lanes, refuse, due, entry, add, window } = bench()
  refuse('a1', 0)
  lanes.takes(add('a2'))
  refuse('b1', 0)
  assert.equal(lanes.oldestUnroutable(), entry('a1'))
  lanes.leave(entry('a1'))
  assert.equal(window.aside().count, 2)
  assert.deepEqual(due(100), ['a2', 'b1'])
  lanes.leave(entry('a2'))
  assert.equal(lanes.takes(add('a3')), false)
})
