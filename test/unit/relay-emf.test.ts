import assert from 'node:assert/strict'
import { mock, test } from 'node:test'
import type { RelaySettings } from '#lib/config-relay.ts'
import { reportToCloudWatch } from '#relay/emf.ts'
import { createMetrics } from '#relay/metrics.ts'
import type { RelayStatus } from '#relay/status.ts'
import { until } from '../support/until.ts'

const STATUS = { staging: { messages: 7, consumers: 1 }, dead: { messages: 2, consumers: 0 } }

function reporting(settings: Partial<RelaySettings>, first: Partial<RelayStatus> = STATUS) {
  const lines: string[] = []
  const seen = { status: first as RelayStatus }
  const status = () => seen.status
  const metrics = createMetrics({ exchange: 'orders' }, status)
  const stop = reportToCloudWatch({
    settings: { mode: 'relay', stagingQueue: 'relay.orders.billing', ...settings } as RelaySettings,
    metrics,
    status,
    write: (line) => lines.push(line),
    now: () => 1_000_000,
  })
  return { lines, metrics, seen, stop, line: (n: number) => JSON.parse(lines[n] ?? '{}') }
}

test('at once, and then every minute, a line says what is there and what happened since', async (t) => {
  mock.timers.enable({ apis: ['setInterval'] })
  t.after(() => mock.timers.reset())
  const { lines, line, metrics, stop } = reporting({ metricsStack: 'warren-dev' })
  t.after(stop)
  await until('a line', () => lines.length === 1)
  metrics.forwarded.inc(3)
  metrics.heldSeconds.inc(4)
  mock.timers.tick(59_999)
  assert.equal(lines.length, 1)
  mock.timers.tick(1)
  await until('a line', () => lines.length === 2)
  mock.timers.tick(60_000)
  await until('a line', () => lines.length === 3)
  const there = { Stack: 'warren-dev', Staging: 'relay.orders.billing', Backlog: 7, Parked: 2 }
  for (const [n, since] of [
    { Forwarded: 0, HeldSeconds: 0 },
    { Forwarded: 3, HeldSeconds: 4 },
    { Forwarded: 0, HeldSeconds: 0 },
  ].entries()) {
    const { _aws, ...values } = line(n)
    assert.deepEqual(values, { ...there, ...since })
    const [definition, ...more] = _aws.CloudWatchMetrics
    assert.deepEqual(more, [])
    assert.deepEqual(definition.Dimensions, [['Stack', 'Staging']])
    assert.deepEqual(definition.Metrics.map(({ Name }: { Name: string }) => Name).sort(), [
      'Backlog',
      'Forwarded',
      'HeldSeconds',
      'Parked',
    ])
  }
})

test('what is not known is not reported: an alarm on missing data notices', async (t) => {
  const { lines, line, stop } = reporting({ metricsStack: 'warren-dev' }, {})
  t.after(stop)
  await until('a line', () => lines.length === 1)
  assert.deepEqual(Object.keys(line(0)).sort(), [
    'Forwarded',
    'HeldSeconds',
    'Stack',
    'Staging',
    '_aws',
  ])
})

test('nothing is written without a stack, nor by a relay that has no staging queue', async () => {
  const { lines, stop } = reporting({})
  const binding = reporting({ metricsStack: 'warren-dev', mode: 'bind' })
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([...lines, ...binding.lines], [])
  stop()
  binding.stop()
})
