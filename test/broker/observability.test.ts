import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { freePorts } from '#infra/local/ports.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import { endOfFile } from '../support/ending.ts'
import { exposedNames, namesInUse, readScrapeConfigs } from '../support/observability.ts'
import { startRelay } from '../support/relay.ts'
import { until } from '../support/until.ts'

const ending = endOfFile()
let broker: Broker
let port: number

before(async () => {
  port = (await freePorts(1))[0] as number
  broker = await startBroker({
    plugins: ['rabbitmq_prometheus'],
    conf: ['prometheus.tcp.ip = 127.0.0.1', `prometheus.tcp.port = ${port}`],
  })
  ending.after(() => broker.dispose())
})

/** What Prometheus gets with one of the jobs of prometheus.yml. */
async function scrape(job: string): Promise<string> {
  const config = readScrapeConfigs().find(({ job_name: name }) => name === job)
  assert.ok(config, job)
  const params = Object.entries(config.params ?? {}).flatMap(([name, values]) =>
    values.map((value): [string, string] => [name, value]),
  )
  const query = new URLSearchParams(params)
  const path = config.metrics_path ?? '/metrics'
  const response = await fetch(`http://127.0.0.1:${port}${path}?${query}`)
  assert.equal(response.status, 200)
  return response.text()
}

/** Waits until the broker says that the queue has so many consumers. */
const untilConsumers = (queue: string, count: number) =>
  until(
    `${count} consumers of ${queue}`,
    async () => {
      const line = `rabbitmq_detailed_queue_consumers{vhost="/",queue="${queue}"} ${count}\n`
      return (await scrape('rabbitmq-queues')).includes(line)
    },
    // The broker collects these numbers every 5 s.
    30_000,
  )

test('a broker exposes every metric of its own that rules and dashboard use', async (t) => {
  const relay = await startRelay(t, {
    AMQP_URL: broker.amqpUrl,
    EXCHANGE: 'seen',
    QUEUE_TOPIC: 'seen.q',
  })
  await untilConsumers('relay.seen.seen.q', 1)
  const exposed = new Set([
    ...exposedNames(await scrape('rabbitmq')),
    ...exposedNames(await scrape('rabbitmq-queues')),
  ])
  const used = [...namesInUse()].filter((name) => name.startsWith('rabbitmq_'))
  assert.ok(used.length > 5, used.join())
  assert.deepEqual(
    used.filter((name) => !exposed.has(name)),
    [],
  )
  await relay.child.stop()
})

test('the staging queue of a relay that is gone has 0 consumers, for the broker to tell', async (t) => {
  const settings = { AMQP_URL: broker.amqpUrl, EXCHANGE: 'left', QUEUE_TOPIC: 'left.q' }
  const relay = await startRelay(t, settings)
  await untilConsumers('relay.left.left.q', 1)
  relay.child.signal('SIGKILL')
  await untilConsumers('relay.left.left.q', 0)
})
