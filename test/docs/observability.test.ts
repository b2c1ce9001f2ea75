import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { createMetrics as gatewayMetrics } from '#gateway/metrics.ts'
import { ROOT } from '#infra/local/settings.ts'
import { PROBLEMS } from '#lib/errors.ts'
import { createMetrics as relayMetrics } from '#relay/metrics.ts'
import type { RelayStatus } from '#relay/status.ts'
import { headingAnchors } from '../support/markdown.ts'
import {
  exposedNames,
  namesInUse,
  observabilityFile,
  readDashboard,
  readRules,
} from '../support/observability.ts'

const runbook = headingAnchors(readFileSync(join(ROOT, 'docs/runbook.md'), 'utf8'))
const rules = readRules()

const STATUS: RelayStatus = {
  sourceOpen: true,
  destinationOpen: true,
  blocked: false,
  topologyProblem: undefined,
  paused: undefined,
  consuming: true,
  work: undefined,
  lastDeliveryMs: 0,
  staging: { messages: 0, consumers: 1 },
  dead: { messages: 0, consumers: 0 },
  mismatches: 0,
}

test('gateway and relay expose every metric of theirs that rules and dashboard use', async () => {
  const relay = relayMetrics({ exchange: 'e', destination: 'q', staging: 's' }, () => STATUS)
  const exposed = new Set([
    ...exposedNames(await gatewayMetrics(() => 0).text()),
    ...exposedNames(await relay.registry.metrics()),
  ])
  const ours = [...namesInUse()].filter((name) => !name.startsWith('rabbitmq_'))
  assert.ok(ours.length > 20, ours.join())
  assert.deepEqual(
    ours.filter((name) => !exposed.has(name)),
    [],
  )
})

test('the dashboard shows every metric of a relay', async () => {
  const relay = relayMetrics({}, () => STATUS)
  const names = [...namesInUse()].map((name) => name.replace(/_bucket$/, ''))
  const types = (await relay.registry.getMetricsAsJSON()).map(({ name }) => name)
  assert.deepEqual(
    types.filter((name) => !names.includes(name)),
    [],
  )
})

test('every alert says how urgent it is and names its section of the runbook', () => {
  for (const { alert, labels, annotations } of rules) {
    assert.match(labels['severity'] as string, /^(page|ticket)$/, alert)
    assert.equal(annotations['runbook'], `docs/runbook.md#${alert.toLowerCase()}`)
    assert.ok(annotations['summary'], alert)
  }
  assert.equal(new Set(rules.map(({ alert }) => alert)).size, rules.length)
})

test('the runbook has a section for every alert, for every code that pages, and for no other alert', () => {
  const alerts = rules.map(({ alert }) => alert.toLowerCase())
  const codes = Object.entries(PROBLEMS).flatMap(([code, { status }]) =>
    status >= 500 ? [code] : [],
  )
  assert.deepEqual(
    [...alerts, ...codes].filter((anchor) => !runbook.includes(anchor)),
    [],
  )
  assert.deepEqual(
    runbook.filter((anchor) => anchor.startsWith('warren')),
    alerts,
  )
})

test('every alert is expected to fire in alerts.test.yml', () => {
  const { tests } = parse(readFileSync(observabilityFile('alerts.test.yml'), 'utf8'))
  const expected = JSON.stringify(tests)
  assert.deepEqual(
    rules.filter(({ alert }) => !expected.includes(`alertname=\\"${alert}\\"`)),
    [],
  )
})

test('the dashboard asks for its data source, and its panels lie beside each other', () => {
  const { panels, templating } = readDashboard()
  assert.equal(templating.list.find(({ name }) => name === 'datasource')?.type, 'datasource')
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
  const taken = new Set<string>()
  for (const { title, type, datasource, gridPos, targets } of panels) {
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1) {
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
        assert.ok(x < 24 && !taken.has(`${x},${y}`), `${title} overlaps at ${x},${y}`)
        taken.add(`${x},${y}`)
      }
    }
    if (type === 'row') continue
    assert.deepEqual(datasource, { type: 'prometheus', uid: `\${datasource}` }, title)
    const refs = targets?.map(({ refId }) => refId) ?? []
    assert.ok(refs.length > 0 && new Set(refs).size === refs.length, title)
  }
})
