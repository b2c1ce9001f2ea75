import { setTimeout as sleep } from 'node:timers/promises'
import { createBatch } from '#functions/batch/batch.ts'
import { createDocs } from '#functions/docs/docs.ts'
import { health } from '#functions/health/health.ts'
import { openapi } from '#functions/openapi/openapi.ts'
import { createProblems } from '#functions/problems/problems.ts'
import { createPublish, type PublishDeps } from '#functions/publish/publish.ts'
import { createPublisher } from '#lib/amqp/publisher.ts'
import { createSplitPublisher } from '#lib/amqp/split-publisher.ts'
import { createTokenSet } from '#lib/auth/token-set.ts'
import { type Sources, tokenSources } from '#lib/auth/token-sources.ts'
import { type BrokerSettings, ConfigError, readAll, readBroker } from '#lib/config.ts'
import { type GatewaySettings, readGateway } from '#lib/config-gateway.ts'
import { createCors } from '#lib/http/cors.ts'
import { createLog, type Log } from '#lib/log.ts'
import { gatheredToStdout } from '#lib/log-lines.ts'
import { brokerUrlFrom, secretReader } from '#lib/secrets.ts'
import { createShares } from '#lib/shares.ts'
import { startAdmin } from './admin.ts'
import { createApp, type Functions } from './app.ts'
import { createBudget } from './budget.ts'
import { createMetrics, type GatewayMetrics } from './metrics.ts'
import { startServer } from './server.ts'

/** Channels per connection; a connection of RabbitMQ's own default may have 2,047. */
const MAX_CHANNELS = 16
/** Left over from a stop's time for the connection's close. */
const CLOSE_MS = 1000

function publisherOf(broker: BrokerSettings, log: Log, metrics: GatewayMetrics) {
  const open = (kind: string) =>
    createPublisher({
      broker,
      connectionName: `warren-gateway ${kind} ${process.pid}`,
      log,
      maxChannels: MAX_CHANNELS,
      meter: metrics.publisher,
      ...(broker.secretArn === undefined
        ? {}
        : { readUrl: brokerUrlFrom(secretReader(broker.secretArn), log) }),
    })
  return createSplitPublisher(open('small'), open('large'))
}

function functionsOf(deps: PublishDeps): Functions {
  const docs = createDocs(deps.log)
  return {
    health: { open: health },
    publish: { guarded: createPublish(deps) },
    batch: { guarded: createBatch(deps) },
    openapi: { open: openapi },
    problems: { open: createProblems(deps.log) },
    docs: { open: docs },
    docsAsset: { open: docs },
  }
}

interface Settings {
  readonly broker: BrokerSettings
  readonly settings: GatewaySettings
  readonly sources: Sources
}

async function start({ broker, settings, sources }: Settings): Promise<void> {
  const log = createLog({
    level: settings.logLevel,
    fields: { process: 'gateway' },
    write: gatheredToStdout(),
  })
  const tokens = createTokenSet({ ...sources, log })
  tokens.prefetch()
  const budget = createBudget(settings.maxInflightBytes)
  const metrics = createMetrics(budget.taken)
  const publisher = publisherOf(broker, log, metrics)
  const { maxBodyBytes } = settings
  const deps = {
    publisher,
    log,
    maxBodyBytes,
    shares: createShares(),
    now: Date.now,
    onAnswered: metrics.answered,
  }
  const app = createApp({
    functions: functionsOf(deps),
    tokens,
    limits: { maxBytes: maxBodyBytes, budget },
  })
  const server = await startServer({
    ...settings,
    app,
    log,
    cors: createCors(settings.corsOrigins),
    onRefused: metrics.answered,
  })
  let draining = false
  const admin = await startAdmin({
    host: settings.host,
    port: settings.adminPort,
    publisher,
    metrics,
    isDraining: () => draining,
  })
  log.info({ event: 'ready', port: server.port, adminPort: admin.port }, 'gateway started')

  const stop = async () => {
    if (draining) process.exit(1) // Asked a second time: at once.
    draining = true
    log.info({ active: server.active() }, 'gateway stopping')
    await sleep(settings.shutdownDelayMs)
    await server.drain(Math.max(0, settings.shutdownGraceMs - CLOSE_MS))
    await publisher.close(CLOSE_MS)
    admin.close()
    log.info({ event: 'stopped' }, 'gateway stopped')
    process.exit(0)
  }
  process.on('SIGTERM', () => void stop())
  process.on('SIGINT', () => void stop())
}

function readGatewayAndTokens() {
  const settings = readGateway(process.env)
  const isLoopback = /^(127\.|::1$|localhost$)/.test(settings.host)
  return { settings, sources: tokenSources(settings, isLoopback) }
}

try {
  const { broker, gateway } = readAll({
    broker: () => readBroker(process.env),
    gateway: readGatewayAndTokens,
  })
  await start({ broker, ...gateway })
} catch (error) {
  const isConfig = error instanceof ConfigError
  const problems = isConfig ? error.problems : [(error as Error).message]
  for (const problem of problems) process.stderr.write(`gateway: ${problem}\n`)
  process.exit(isConfig ? 2 : 1)
}
