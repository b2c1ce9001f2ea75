import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fit, formula, growthOf, valueAt } from '../support/growth.ts'

const NUMBERS = [1, 3, 10, 30, 100, 1000]
const curve = (law: (x: number) => number) => NUMBERS.map((x) => ({ x, y: law(x) }))

const close = (got: number, wanted: number) =>
  assert.ok(Math.abs(got / wanted - 1) < 1e-9, `${got} is not ${wanted}`)

test('a line is found again', () => {
  const fitted = fit(
    'line',
    curve((x) => 12 + 0.5 * x),
  )
  close(fitted.a, 12)
  close(fitted.b, 0.5)
  assert.ok(fitted.residual < 1e-9)
})

test('a power is found again', () => {
  const fitted = fit(
    'power',
    curve((x) => 8 * x ** -0.3),
  )
  close(fitted.a, 8)
  close(fitted.b, -0.3)
  assert.ok(fitted.residual < 1e-9)
})

test('small numbers count as much as large ones', () => {
  const bent = curve((x) => (x === 1 ? 2 : 1) * (10 + x))
  const far = curve((x) => (x === 1000 ? 2 : 1) * (10 + x))
  assert.ok(fit('line', bent).residual > 0.1)
  assert.ok(fit('line', far).residual > 0.1)
})

test('what was below the clock is left out', () => {
  const { a, b, residual } = fit('line', [{ x: 1, y: 0 }, ...curve((x) => 1 + x)])
  close(a, 1)
  close(b, 1)
  assert.ok(residual < 1e-9)
})

test('the points of a curve are the medians of its rows', () => {
  const row = (setting: string, median: number, more = {}) => ({
    ...{ subject: 'gateway', metric: 'rate', unit: 'msg/s', setting, median, min: 0, max: 9 },
    ...more,
  })
  const rows = [
    row('connections=1', 10),
    row('connections=4', 40),
    row('bytes=1', 7),
    row('connections=4', 7, { metric: 'p99' }),
    row('connections=4', 7, { subject: 'another' }),
  ]
  const growth = growthOf(rows, ['gateway', 'connections', 'rate', 'line'])
  assert.deepEqual(growth.points, [
    { x: 1, y: 10 },
    { x: 4, y: 40 },
  ])
  close(valueAt(growth, 100), 1000)
  assert.equal(growth.unit, 'msg/s')
})

test('a law is written as a reader would', () => {
  assert.equal(formula({ law: 'line', a: 130.4, b: 0.09812, residual: 0 }), '130 + 0.0981 · n')
  assert.equal(formula({ law: 'line', a: 2, b: -0.5, residual: 0 }), '2 - 0.5 · n')
  assert.equal(formula({ law: 'power', a: 293, b: 0.25, residual: 0 }), '293 · n^0.25')
  assert.equal(formula({ law: 'power', a: 293, b: -0.25, residual: 0 }), '293 · n^-0.25')
})
