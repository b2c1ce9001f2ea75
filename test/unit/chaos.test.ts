import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Fault, plan } from '../chaos/fault.ts'
import { Ledger, type Told } from '../chaos/ledger.ts'
import { readOptions } from '../chaos/options.ts'
import { Pace } from '../chaos/pace.ts'
import { seeded } from '../support/seeded.ts'

/** A ledger of ids that were told this, in order. */
function ledgerOf(...all: readonly Told[]): Ledger {
  const ledger = new Ledger(all.length + 1)
  for (const [id, told] of all.entries()) {
    ledger.begun(id)
    ledger.answered(id, told)
  }
  return ledger
}

test('what was acknowledged and has not arrived is lost', () => {
  const ledger = ledgerOf('acked', 'acked', 'refused', 'unknown')
  assert.equal(ledger.owed(), 2)
  ledger.arrived(0, false)
  const { acknowledged, delivered, lost } = ledger.account()
  assert.deepEqual([acknowledged, delivered, lost], [2, 1, 1])
})

test('what was refused and has arrived is a lie, what was unknown and has arrived is not', () => {
  const ledger = ledgerOf('refused', 'refused', 'unknown', 'unknown')
  for (const id of [0, 2]) ledger.arrived(id, false)
  const { refused, refusedDelivered, unknown, recovered } = ledger.account()
  assert.deepEqual([refused, refusedDelivered, unknown, recovered], [2, 1, 2, 1])
})

test('a message that arrives before its answer is nobody’s surprise', () => {
  const ledger = new Ledger(1)
  ledger.begun(0)
  ledger.arrived(0, false)
  assert.equal(ledger.underWay, 1)
  ledger.answered(0, 'acked')
  const { lost, unexpected } = ledger.account()
  assert.deepEqual([ledger.underWay, lost, unexpected], [0, 0, 0])
})

test('an id counts as duplicated once, and not for what its own queue delivers again', () => {
  const ledger = ledgerOf('acked', 'acked')
  for (const again of [false, true]) ledger.arrived(0, again)
  for (const again of [false, false, false]) ledger.arrived(1, again)
  assert.equal(ledger.account().duplicated, 1)
})

test('an id that nobody has published yet, or that there is not, is unexpected', () => {
  const ledger = ledgerOf('acked')
  for (const id of [1, 2, -1]) ledger.arrived(id, false)
  assert.equal(ledger.account().unexpected, 3)
})

const FAULTS = ['a', 'b', 'c'].map((name): Fault => ({ name, happen: async () => name }))

test('a seed gives the same faults again, and each kind comes before one comes twice', () => {
  const draw = (seed: number) =>
    plan(FAULTS, 7, seeded(seed)).map(({ fault, seconds, pick }) => {
      return { name: fault.name, seconds, victim: pick([1, 2, 3, 4, 5, 6, 7, 8, 9]) }
    })
  assert.deepEqual(draw(1), draw(1))
  assert.notDeepEqual(draw(1), draw(2))
  const names = draw(1).map(({ name }) => name)
  for (const three of [names.slice(0, 3), names.slice(3, 6)]) {
    assert.deepEqual(three.toSorted(), ['a', 'b', 'c'])
  }
})

test('ids are handed out in order, none while they are held, and each to one caller', async (t) => {
  const pace = new Pace(5)
  t.after(() => pace.stop())
  const taken: (number | undefined)[] = []
  const caller = async () => {
    for (let id = await pace.next(); id !== undefined; id = await pace.next()) taken.push(id)
  }
  const callers = [caller(), caller()]
  await pace.run(2)
  assert.deepEqual(taken, [0, 1])
  pace.hold()
  const rest = pace.run(5)
  await sleep(50) // Five times as long as ids take to be handed out.
  assert.deepEqual(taken, [0, 1])
  pace.resume()
  await Promise.all([rest, ...callers])
  assert.deepEqual(taken, [0, 1, 2, 3, 4])
})

test('options that make no sense are refused in plain words', () => {
  assert.throws(() => readOptions(['--faults', '0']), /--faults must be a whole number from 1/)
  assert.throws(() => readOptions(['--ids', '399', '--faults', '2']), /--ids .* from 400/)
  assert.throws(() => readOptions(['--topology', 'two']), /--topology must be one of single/)
})
