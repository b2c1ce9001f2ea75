import { createPublisher } from '#lib/amqp/publisher.ts'
import { type Env, readAll, readBroker, readHttp, readMetricsStack } from '#lib/config.ts'
import { defined } from '#lib/defined.ts'
import { createEmf } from '#lib/emf.ts'
import { createLog } from '#lib/log.ts'
import { toStdout } from '#lib/log-lines.ts'
import { brokerUrlFrom, secretReader } from '#lib/secrets.ts'
import { createShares } from '#lib/shares.ts'
import type { PublishDeps } from './publish/publish.ts'

/**
 * What a function that publishes needs, made of its settings. The connection is opened with the
 * first message.
 * @param name of the function, for its log and for the broker's console
 * @throws {ConfigError} with everything that is wrong
 */
export function publishDeps(name: string, env: Env): PublishDeps {
  const { broker, http } = readAll({
    broker: () => readBroker(env),
    http: () => readHttp(env),
  })
  const log = createLog({ level: http.logLevel, fields: { function: name } })
  const stack = readMetricsStack(env)
  const metrics = createEmf(defined({ stack, write: toStdout, now: Date.now }))
  const { secretArn } = broker
  const readUrl = secretArn === undefined ? undefined : brokerUrlFrom(secretReader(secretArn), log)
  // Begun while the function starts, when Lambda gives it a whole processor; a failure is in the log.
  readUrl?.(false).catch(() => {})
  const publisher = createPublisher({
    broker,
    // Lambda names each execution environment by its log stream.
    connectionName: `warren-${name} ${env['AWS_LAMBDA_LOG_STREAM_NAME'] ?? process.pid}`,
    log,
    meter: metrics.publisher,
    ...(readUrl === undefined ? {} : { readUrl }),
  })
  const { maxBodyBytes } = http
  const { answered: onAnswered } = metrics
  return { publisher, log, maxBodyBytes, shares: createShares(), now: Date.now, onAnswered }
}
