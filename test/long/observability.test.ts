import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { parse, stringify } from 'yaml'
import { startChild } from '#infra/local/child.ts'
import { freePorts } from '#infra/local/ports.ts'
import { TOKEN } from '../support/api.ts'
import { startBroker } from '../support/broker.ts'
import { startTestGateway } from '../support/gateway.ts'
import { haveInstalled } from '../support/installed.ts'
import { dashboardQueries, observabilityFile } from '../support/observability.ts'
import { startRelay } from '../support/relay.ts'
import { send } from '../support/send.ts'
import { until } from '../support/until.ts'

const run = promisify(execFile)

before(() => haveInstalled({ promtool: 'prometheus', prometheus: 'prometheus' }))

test('promtool finds nothing wrong with configuration and rules', async () => {
  await run('promtool', ['check', 'config', observabilityFile('prometheus.yml')])
  await run('promtool', ['check', 'rules', observabilityFile('alerts.yml')])
})

test('every alert fires when it should, and only then', async () => {
  await run('promtool', ['test', 'rules', observabilityFile('alerts.test.yml')])
})

interface Prometheus {
  /** GET on its API; gives `data`. */
  get(path: string, parameters?: Readonly<Record<string, string>>): Promise<unknown>
}

/** Starts Prometheus with our configuration, but for the addresses and the intervals. */
async function startPrometheus(
  t: TestContext,
  ports: Readonly<Record<string, number>>,
): Promise<Prometheus> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-prometheus-'))
  t.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const config = parse(readFileSync(observabilityFile('prometheus.yml'), 'utf8'))
  config.global = { scrape_interval: '1s', evaluation_interval: '1s' }
  config.rule_files = [observabilityFile('alerts.yml')]
  for (const job of config.scrape_configs) {
    const { dns_sd_configs: _, ...rest } = job
    Object.assign(job, rest, {
      dns_sd_configs: [],
      static_configs: [{ targets: [`127.0.0.1:${ports[job.job_name]}`] }],
    })
  }
  writeFileSync(join(folder, 'prometheus.yml'), stringify(config))
  const [port] = await freePorts(1)
  const child = await startChild({
    name: 'prometheus',
    command: 'prometheus',
    args: [
      `--config.file=${folder}/prometheus.yml`,
      `--storage.tsdb.path=${folder}/data`,
      `--web.listen-address=127.0.0.1:${port}`,
    ],
    env: { PATH: process.env['PATH'] },
    logFile: join(folder, 'prometheus.log'),
    isReady: (line) => line.includes('Server is ready to receive web requests'),
  })
  t.after(async () => void (await child.stop()))
  return {
    get: async (path, parameters = {}) => {
      const query = new URLSearchParams(parameters)
      const response = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${query}`)
      const { status, data, error } = (await response.json()) as Record<string, unknown>
      assert.equal(status, 'success', `${path} ${query}: ${error}`)
      return data
    },
  }
}

/** A broker, a gateway and a relay, with the ports of what Prometheus scrapes. */
async function startAll(t: TestContext) {
  const [metrics, health] = (await freePorts(2)) as [number, number]
  const broker = await startBroker({
    plugins: ['rabbitmq_prometheus'],
    conf: ['prometheus.tcp.ip = 127.0.0.1', `prometheus.tcp.port = ${metrics}`],
  })
  t.after(() => broker.dispose())
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'e', QUEUE_TOPIC: 'q' }
  const relay = await startRelay(t, { ...settings, HEALTH_PORT: String(health) })
  const gateway = await startTestGateway(t, { AMQP_URL: broker.amqpUrl })
  const ports = {
    'warren-gateway': Number(new URL(gateway.adminOrigin).port),
    'warren-relay': health,
    rabbitmq: metrics,
    'rabbitmq-queues': metrics,
  }
  return { relay, gateway, ports }
}

type Vector = { readonly result: readonly unknown[] }

test('in a Prometheus every panel has data, and a relay that goes makes its alerts wait', async (t) => {
  const { relay, gateway, ports } = await startAll(t)
  const prometheus = await startPrometheus(t, ports)
  const publish = (exchange: string) =>
    send(gateway.origin, {
      path: `/publish/${exchange}`,
      body: 'x',
      headers: { authorization: `Bearer ${TOKEN}` },
    })
  const emptyPanels = async () => {
    assert.equal((await publish('e')).status, 200)
    assert.equal((await publish('nowhere')).status, 404)
    const vectors = dashboardQueries().map(async (query) => {
      const { result } = (await prometheus.get('query', { query })) as Vector
      return result.length === 0 ? [query] : []
    })
    return (await Promise.all(vectors)).flat()
  }
  // There is nothing to show of what has never happened.
  const never = /warren_relay_(parked|reconnects)_total/
  await until(
    'data in every panel',
    async () => (await emptyPanels()).every((query) => never.test(query)),
    60_000,
  )
  assert.deepEqual(
    await prometheus.get('label/exchange/values', { 'match[]': 'warren_relay_ready' }),
    ['e'],
  )

  const unread = 'WarrenQueueUnread q' // This test has no consumer.
  assert.deepEqual(await alerts(prometheus), [unread])
  const gone = ['WarrenRelayDown', 'WarrenStagingForgotten relay.e.q']
  relay.child.signal('SIGKILL')
  await until(
    'the alerts of a relay that is gone',
    async () => (await alerts(prometheus)).join() === [unread, ...gone].join(),
    60_000,
  )
})

/** Alerts that are pending or fire, with the queue that they are about. */
async function alerts(prometheus: Prometheus): Promise<string[]> {
  const data = (await prometheus.get('alerts')) as {
    alerts: { labels: { alertname: string; queue?: string } }[]
  }
  return data.alerts
    .map(({ labels: { alertname, queue } }) => [alertname, queue ?? ''].join(' ').trim())
    .sort()
}
