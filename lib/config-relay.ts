import * as v from 'valibot'
import {
  amqpUrl,
  ConfigError,
  choice,
  type Env,
  flag,
  METRICS,
  maybe,
  name,
  readSecretFile,
  readSettings,
  text,
  whole,
} from './config.ts'
import { LOG_LEVELS, type LogLevel } from './log.ts'
import { deadLetterName, stagingName } from './names.ts'

const MIB = 1024 * 1024

/** Where a relay puts what it takes: a queue, or an exchange. */
export type Destination =
  | { readonly kind: 'queue'; readonly queue: string }
  /** Without `routingKey` every message keeps its own. */
  | { readonly kind: 'exchange'; readonly exchange: string; readonly routingKey?: string }

/** Arguments of a binding or a queue, as RabbitMQ's management API writes them. */
export type Arguments = Readonly<Record<string, string | number | boolean>>

export interface RelaySettings {
  /** `relay` copies messages; `bind` lets the broker do it. */
  readonly mode: 'relay' | 'bind'
  readonly exchange: string
  /** What a missing exchange is declared as. */
  readonly exchangeType: 'fanout' | 'direct' | 'topic' | 'headers'
  readonly exchangeDurable: boolean
  /** Absent: `#` on a topic exchange, else the empty key. */
  readonly bindingKey?: string
  readonly bindingArguments: Arguments
  readonly destination: Destination
  /** Of a destination queue that has to be declared. */
  readonly queueDurable: boolean
  readonly queueAutoDelete: boolean
  readonly queueType: 'classic' | 'quorum'
  readonly stagingQueue: string
  readonly stagingType: 'quorum' | 'classic'
  readonly deadLetterQueue: string
  /** Deliveries of one message that may fail before the broker parks it. */
  readonly deliveryLimit: number
  /** The destination's broker, when it is another one. */
  readonly destUrl?: string
  readonly onMissing: 'auto' | 'declare' | 'hold' | 'park'
  readonly topology: 'adopt' | 'strict'
  readonly persist: 'always' | 'preserve'
  readonly order: 'window' | 'strict'
  /** Relays that a message may pass before it is taken for going in circles. */
  readonly maxHops: number
  readonly prefetch: number
  readonly prefetchBytes: number
  readonly ackBatch: number
  readonly ackIntervalMs: number
  readonly holdMs: number
  readonly holdCheckMs: number
  readonly holdPauseMs: number
  readonly topologyCheckMs: number
  readonly shutdownGraceMs: number
  readonly host: string
  readonly healthPort: number
  readonly logLevel: LogLevel
  /** Metrics for CloudWatch, once a minute, with this dimension `Stack`. @default none */
  readonly metricsStack?: string
}

/** A JSON object with plain values, e.g. `{"x-match":"any","region":"eu"}`. */
const plainObject = () =>
  v.pipe(
    v.optional(v.string(), ''),
    v.transform((value): unknown => parseJson(value === '' ? '{}' : value)),
    v.custom<Arguments>(
      isPlain,
      'must be a JSON object with texts, whole numbers and booleans, e.g. {"x-match":"any","n":1}',
    ),
  )

const isPlain = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  Object.values(value).every(
    (item) => typeof item === 'string' || typeof item === 'boolean' || Number.isSafeInteger(item),
  )

function parseJson(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return undefined // which is no object, as the setting's message says
  }
}

/** Settings of a relay; the README's table describes each of them. */
export const RELAY = {
  RELAY_MODE: choice(['relay', 'bind'], 'relay'),
  EXCHANGE: name(),
  EXCHANGE_TYPE: choice(['fanout', 'direct', 'topic', 'headers'], 'fanout'),
  EXCHANGE_DURABLE: flag(true),
  BINDING_KEY: v.optional(v.string()),
  BINDING_ARGUMENTS: plainObject(),
  QUEUE_TOPIC: maybe(),
  QUEUE_DURABLE: flag(true),
  QUEUE_AUTO_DELETE: flag(false),
  // Classic, so that a consumer which declares the queue as merely durable meets no 406.
  QUEUE_TYPE: choice(['classic', 'quorum'], 'classic'),
  DEST_EXCHANGE: maybe(),
  DEST_ROUTING_KEY: v.optional(v.string()),
  DEST_URL: maybe(),
  DEST_URL_FILE: maybe(),
  STAGING_QUEUE: maybe(),
  STAGING_TYPE: choice(['quorum', 'classic'], 'quorum'),
  DEAD_LETTER_QUEUE: maybe(),
  DELIVERY_LIMIT: whole(50, 1, 1_000_000),
  ON_MISSING: choice(['auto', 'declare', 'hold', 'park'], 'auto'),
  TOPOLOGY: choice(['adopt', 'strict'], 'adopt'),
  PERSIST: choice(['always', 'preserve'], 'always'),
  ORDER: choice(['window', 'strict'], 'window'),
  MAX_HOPS: whole(16, 1, 1000),
  // More than 500 buys nothing on loopback (measured); 65535 is the protocol's limit.
  PREFETCH: whole(500, 1, 65_535),
  PREFETCH_BYTES: whole(64 * MIB, 1, 4096 * MIB),
  ACK_BATCH: whole(100, 1, 65_535),
  ACK_INTERVAL_MS: whole(20, 1, 10_000),
  // The broker closes a channel that keeps a delivery for 30 minutes (its consumer_timeout).
  HOLD_MS: whole(60_000, 100, 1_200_000),
  HOLD_CHECK_MS: whole(5000, 50, 600_000),
  HOLD_PAUSE_MS: whole(10_000, 100, 7_200_000),
  TOPOLOGY_CHECK_MS: whole(10_000, 100, 600_000),
  SHUTDOWN_GRACE_MS: whole(8000, 0, 600_000),
  HOST: text('127.0.0.1'),
  HEALTH_PORT: whole(9091, 0, 65_535),
  LOG_LEVEL: choice(LOG_LEVELS, 'info'),
  ...METRICS,
}

type Read = ReturnType<typeof readSettings<typeof RELAY>>

/**
 * The settings of a relay; the README's table describes each of them.
 * @throws {ConfigError} with every wrong one
 */
export function readRelay(env: Env): RelaySettings {
  const problems: string[] = []
  const attempt = <T>(read: () => T): T | undefined => {
    try {
      return read()
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      problems.push(...error.problems)
      return undefined
    }
  }
  const read = attempt(() => readSettings(RELAY, env))
  const destination = attempt(() => readDestination(env))
  const destUrl = attempt(() => readDestUrl(env))
  if (read) problems.push(...contradictions(read, destUrl !== undefined))
  if (read === undefined || destination === undefined || problems.length > 0) {
    throw new ConfigError(problems)
  }
  return toSettings(read, destination, destUrl)
}

function readDestination(env: Env): Destination {
  const { QUEUE_TOPIC: queue, DEST_EXCHANGE: exchange, DEST_ROUTING_KEY: routingKey } = env
  if (queue && exchange) throw new ConfigError(['set QUEUE_TOPIC or DEST_EXCHANGE, not both'])
  const setting = exchange ? 'DEST_EXCHANGE' : 'QUEUE_TOPIC'
  readSettings({ [setting]: name() }, env)
  if (queue) return { kind: 'queue', queue }
  return {
    kind: 'exchange',
    exchange: exchange as string,
    ...(routingKey === undefined ? {} : { routingKey }),
  }
}

function readDestUrl(env: Env): string | undefined {
  const { DEST_URL: url, DEST_URL_FILE: file } = env
  if (url) return amqpUrl('DEST_URL', url)
  return file ? amqpUrl('DEST_URL_FILE', readSecretFile('DEST_URL_FILE', file)) : undefined
}

/** What each setting alone allows and their combination does not. */
function contradictions(read: Read, elsewhere: boolean): string[] {
  const problems: string[] = []
  const quorum = read.QUEUE_TYPE === 'quorum'
  if (quorum && !read.QUEUE_DURABLE) problems.push('QUEUE_TYPE=quorum needs QUEUE_DURABLE=1')
  if (quorum && read.QUEUE_AUTO_DELETE) {
    problems.push('QUEUE_TYPE=quorum needs QUEUE_AUTO_DELETE=0')
  }
  if (read.DEST_ROUTING_KEY !== undefined && !read.DEST_EXCHANGE) {
    problems.push('DEST_ROUTING_KEY needs DEST_EXCHANGE')
  }
  if (read.DEST_EXCHANGE && read.ON_MISSING === 'declare') {
    problems.push('ON_MISSING=declare needs QUEUE_TOPIC: the relay declares queues only')
  }
  if (read.RELAY_MODE === 'bind' && elsewhere) {
    problems.push('RELAY_MODE=bind works within one vhost only: unset DEST_URL, or use relay')
  }
  if (read.RELAY_MODE === 'bind' && read.DEST_ROUTING_KEY !== undefined) {
    problems.push('RELAY_MODE=bind cannot change a routing key: unset DEST_ROUTING_KEY')
  }
  return problems
}

function toSettings(
  read: Read,
  destination: Destination,
  destUrl: string | undefined,
): RelaySettings {
  const target = destination.kind === 'queue' ? destination.queue : destination.exchange
  const stagingQueue = read.STAGING_QUEUE ?? stagingName(read.EXCHANGE, target)
  return {
    mode: read.RELAY_MODE,
    exchange: read.EXCHANGE,
    exchangeType: read.EXCHANGE_TYPE,
    exchangeDurable: read.EXCHANGE_DURABLE,
    ...(read.BINDING_KEY === undefined ? {} : { bindingKey: read.BINDING_KEY }),
    bindingArguments: read.BINDING_ARGUMENTS,
    destination,
    queueDurable: read.QUEUE_DURABLE,
    queueAutoDelete: read.QUEUE_AUTO_DELETE,
    queueType: read.QUEUE_TYPE,
    stagingQueue,
    stagingType: read.STAGING_TYPE,
    deadLetterQueue: read.DEAD_LETTER_QUEUE ?? deadLetterName(stagingQueue),
    deliveryLimit: read.DELIVERY_LIMIT,
    ...(destUrl === undefined ? {} : { destUrl }),
    onMissing: read.ON_MISSING,
    topology: read.TOPOLOGY,
    persist: read.PERSIST,
    order: read.ORDER,
    maxHops: read.MAX_HOPS,
    prefetch: read.PREFETCH,
    prefetchBytes: read.PREFETCH_BYTES,
    ackBatch: read.ACK_BATCH,
    ackIntervalMs: read.ACK_INTERVAL_MS,
    holdMs: read.HOLD_MS,
    holdCheckMs: read.HOLD_CHECK_MS,
    holdPauseMs: read.HOLD_PAUSE_MS,
    topologyCheckMs: read.TOPOLOGY_CHECK_MS,
    shutdownGraceMs: read.SHUTDOWN_GRACE_MS,
    host: read.HOST,
    healthPort: read.HEALTH_PORT,
    logLevel: read.LOG_LEVEL,
    ...(read.METRICS_STACK === undefined ? {} : { metricsStack: read.METRICS_STACK }),
  }
}
