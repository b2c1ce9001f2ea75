import assert from 'node:assert/strict'
import { test } from 'node:test'
import { benchGrowth } from '../bench/growth.ts'

test('the benchmark of growth measures and fits every curve', async () => {
  const size = { rounds: 1, seconds: 1, messages: 200, points: 2 }
  const { growths = [], targets } = await benchGrowth(size)
  assert.ok(growths.length > 0)
  for (const { subject, over, metric, points, a, b } of growths) {
    const name = `${metric} of ${subject} over ${over}`
    assert.equal(points.length, 2, name)
    assert.ok(points[0] && points[1] && points[0].x < points[1].x, name)
    // So few messages may cost less than the hundredth of a second that is counted in.
    if (!metric.endsWith('CPU')) assert.ok(Number.isFinite(a) && Number.isFinite(b), name)
  }
  const met = targets.filter((target) => target.met).map(({ what }) => what)
  assert.ok(met.includes('connections of an environment'), met.join())
  assert.ok(met.includes('channels of an environment'), met.join())
})
