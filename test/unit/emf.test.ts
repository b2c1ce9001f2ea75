import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createEmf } from '#lib/emf.ts'

function metrics() {
  const lines: string[] = []
  const clock = { ms: 1_000_000 }
  const emf = createEmf({ write: (line) => lines.push(line), now: () => clock.ms })
  return { emf, clock, last: () => JSON.parse(lines.at(-1) ?? '{}') }
}

test('a line has every metric that it announces, and counts since the line before', () => {
  const { emf, last } = metrics()
  emf.publisher.connected()
  emf.publisher.inFlight(1)
  emf.publisher.confirmed(3)
  emf.publisher.returned()
  emf.publisher.inFlight(-1)
  emf.answered({
    status: 422,
    outcome: 'not-published',
    code: 'unroutable',
    exchange: 'orders',
    ms: 5,
  })
  const definitions = last()._aws.CloudWatchMetrics
  assert.equal(definitions.length, 2)
  for (const { Metrics, Dimensions } of definitions) {
    for (const { Name } of Metrics) assert.ok(Name in last(), Name)
    for (const name of Dimensions.flat()) assert.equal(typeof last()[name], 'string')
  }
  assert.partialDeepStrictEqual(last(), {
    Outcome: 'not-published',
    Exchange: 'orders',
    Requests: 1,
  })
  assert.partialDeepStrictEqual(last(), {
    ConfirmMs: [3],
    Returned: 1,
    Nacked: 0,
    Connections: 1,
    InFlight: 1,
  })
  emf.answered({ status: 200, outcome: 'published', exchange: 'orders', ms: 5 })
  assert.partialDeepStrictEqual(last(), { ConfirmMs: [], Returned: 0, Connections: 0, InFlight: 0 })
})

test('an exchange that nobody knows is no dimension', () => {
  const { emf, last } = metrics()
  emf.answered({ status: 404, outcome: 'not-published', code: 'exchange-not-found', ms: 1 })
  assert.deepEqual(last()._aws.CloudWatchMetrics[1].Dimensions, [['Outcome']])
  assert.equal(last().Exchange, undefined)
})

test('seconds under alarm are counted while it lasts, each once', () => {
  const { emf, clock, last } = metrics()
  const answered = () => emf.answered({ status: 503, outcome: 'not-published', ms: 1 })
  emf.publisher.blocked(true)
  clock.ms += 2000
  answered()
  assert.equal(last().BlockedSeconds, 2)
  clock.ms += 1000
  emf.publisher.blocked(false)
  clock.ms += 5000
  answered()
  assert.equal(last().BlockedSeconds, 1)
})

test('a batch has at most as many latencies in its line as CloudWatch takes', () => {
  const { emf, last } = metrics()
  for (let i = 0; i < 1000; i += 1) emf.publisher.confirmed(i)
  emf.answered({ status: 200, outcome: 'published', ms: 9 })
  assert.equal(last().ConfirmMs.length, 100)
})

test('a stack is a dimension of every metric; by exchange only requests are counted', () => {
  const lines: string[] = []
  const emf = createEmf({ stack: 'warren-dev', write: (line) => lines.push(line), now: () => 0 })
  emf.answered({ status: 200, outcome: 'published', exchange: 'orders', ms: 5 })
  const { _aws, Stack } = JSON.parse(lines[0] ?? '{}')
  const [all, requests] = _aws.CloudWatchMetrics
  assert.deepEqual(all.Dimensions, [['Stack']])
  assert.deepEqual(requests.Dimensions, [
    ['Stack', 'Outcome'],
    ['Stack', 'Outcome', 'Exchange'],
  ])
  assert.deepEqual(requests.Metrics, [{ Name: 'Requests', Unit: 'Count' }])
  assert.equal(Stack, 'warren-dev')
})
