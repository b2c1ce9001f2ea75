import * as v from 'valibot'
import {
  ConfigError,
  choice,
  type Env,
  flag,
  HTTP,
  maybe,
  readSettings,
  whole,
} from '#lib/config.ts'
import { readPem } from '#lib/pem.ts'
import type { RelayEntry } from '../relays.ts'
import { copying } from './relay-ids.ts'
import { SIZES, type SizeName } from './sizes.ts'

/** What an installation on AWS consists of: serverless.yml's parameters, and the listeners. */
export interface Installation {
  readonly relays: readonly RelayEntry[]
  readonly broker: Broker
  /** Execution environments that may hold a connection to the broker. @default no limit */
  readonly publishConcurrency?: number
  /** nginx before the API, where there is a network of ours to run it in. */
  readonly edge: boolean
  /** Requests per second of the whole API. */
  readonly requestsPerSecond: number
  /** Networks that may call the API. @default all */
  readonly allowFrom: readonly string[]
  /** Origins whose pages may call the API from a browser. */
  readonly corsOrigins: readonly string[]
  /** Who is told of alarms. @default whoever subscribes to the topic */
  readonly alarmEmail?: string
  /** Whether what holds messages and secrets survives its removal. */
  readonly protect: boolean
}

/** Made by us, or there already. */
export type Broker =
  | { readonly kind: 'amazonmq'; readonly size: SizeName }
  | {
      readonly kind: 'external'
      /** ARN of the secret that holds its amqp(s) URL. */
      readonly secretArn: string
      readonly port: number
      /** PEM text of the authority that signed its certificate. @default the system's */
      readonly ca?: string
      /** A network with a way to the broker and to AWS. @default none: the broker is on the internet */
      readonly vpc?: Vpc
    }

export interface Vpc {
  readonly subnetIds: readonly string[]
  readonly securityGroupIds: readonly string[]
}

const list = (pattern: RegExp, message: string) =>
  v.pipe(
    v.optional(v.string(), ''),
    v.transform((text) => text.split(/[\s,]+/).filter((item) => item !== '')),
    v.check((items) => items.every((item) => pattern.test(item)), message),
  )

const NETWORK = /^(\d{1,3}\.){3}\d{1,3}(\/\d{1,2})?$|^[0-9a-f:]+:[0-9a-f:]*(\/\d{1,3})?$/i
const SECRET_ARN = /^arn:aws[\w-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+-\w{6}$/

/** The parameters of serverless.yml, as texts; docs/aws.md describes each of them. */
export const PARAMETERS = {
  broker: choice(['amazonmq', 'external'], 'amazonmq'),
  size: choice(['small', 'ha'], 'small'),
  brokerSecretArn: v.pipe(
    maybe(),
    v.check(
      (arn) => arn === undefined || SECRET_ARN.test(arn),
      'must be the whole ARN of a secret, with the six characters at its end',
    ),
  ),
  brokerPort: whole(5671, 1, 65_535),
  brokerCaFile: maybe(),
  vpcSubnetIds: list(
    /^subnet-([0-9a-f]{8}|[0-9a-f]{17})$/,
    'must be ids like subnet-0a1b2c3d, separated by commas',
  ),
  vpcSecurityGroupIds: list(
    /^sg-([0-9a-f]{8}|[0-9a-f]{17})$/,
    'must be ids like sg-0a1b2c3d, separated by commas',
  ),
  publishConcurrency: whole(0, 0, 10_000),
  edge: flag(true),
  // A tenth of an account's default per region (API Gateway's quotas): one runaway client must not use
  // up what the account's other APIs need.
  requestsPerSecond: whole(1000, 1, 10_000),
  allowFrom: list(
    NETWORK,
    'must be addresses or networks like 203.0.113.0/24, separated by commas',
  ),
  corsOrigins: HTTP.CORS_ORIGINS,
  alarmEmail: v.pipe(
    maybe(),
    v.check((text) => text === undefined || /^\S+@\S+$/.test(text), 'must be an e-mail address'),
  ),
  protect: flag(false),
}

type Read = ReturnType<typeof readSettings<typeof PARAMETERS>>

/**
 * Checks the parameters, each and together.
 * @param parameters the values of {@link PARAMETERS}; unset or empty means the default
 * @throws {ConfigError} with every wrong one
 */
export function readInstallation(parameters: Env, relays: readonly RelayEntry[]): Installation {
  const read = readSettings(PARAMETERS, parameters)
  const problems = [
    ...[...contradictions(read), ...wrongCa(read)],
    ...[...tooMany(relays), ...tooConcurrent(read, relays)],
  ]
  if (problems.length > 0) throw new ConfigError(problems)
  return {
    relays,
    broker: brokerOf(read),
    ...(read.publishConcurrency === 0 ? {} : { publishConcurrency: read.publishConcurrency }),
    edge: read.edge,
    requestsPerSecond: read.requestsPerSecond,
    allowFrom: read.allowFrom,
    corsOrigins: read.corsOrigins,
    ...(read.alarmEmail === undefined ? {} : { alarmEmail: read.alarmEmail }),
    protect: read.protect,
  }
}

function brokerOf(read: Read): Broker {
  if (read.broker === 'amazonmq') return { kind: 'amazonmq', size: read.size }
  const { vpcSubnetIds: subnetIds, vpcSecurityGroupIds: securityGroupIds } = read
  return {
    kind: 'external',
    secretArn: read.brokerSecretArn as string,
    port: read.brokerPort,
    ...(read.brokerCaFile === undefined ? {} : { ca: readPem(read.brokerCaFile) }),
    ...(subnetIds.length === 0 ? {} : { vpc: { subnetIds, securityGroupIds } }),
  }
}

/** What each parameter alone allows and their combination does not. */
function contradictions(read: Read): string[] {
  const problems: string[] = []
  const inVpc = read.vpcSubnetIds.length > 0
  if (inVpc !== read.vpcSecurityGroupIds.length > 0) {
    problems.push('vpcSubnetIds and vpcSecurityGroupIds must be set together')
  }
  if (read.broker === 'external' && read.brokerSecretArn === undefined) {
    problems.push(
      'broker=external needs brokerSecretArn, a secret that holds the URL of the broker',
    )
  }
  const isForExternal = read.brokerSecretArn ?? read.brokerCaFile ?? (inVpc || undefined)
  if (read.broker === 'amazonmq' && isForExternal !== undefined) {
    problems.push('vpcSubnetIds, brokerSecretArn and brokerCaFile go with broker=external')
  }
  if (read.edge && read.allowFrom.length > 0) {
    problems.push('allowFrom needs edge=0: requests that came through the edge have its address')
  }
  return problems
}

/** Of the 4,096 bytes that all settings of a Lambda may have (Lambda's quotas). */
const MOST_CA_BYTES = 3000

/** It becomes a setting: functions and tasks have no files of an installation's own. */
function wrongCa({ brokerCaFile }: Read): string[] {
  if (brokerCaFile === undefined) return []
  try {
    const pem = readPem(brokerCaFile)
    if (pem.startsWith('-----BEGIN ') && Buffer.byteLength(pem) <= MOST_CA_BYTES) return []
  } catch {} // A file that is not there is as wrong as another.
  return [`brokerCaFile must be a PEM file of at most ${MOST_CA_BYTES} bytes`]
}

/**
 * Room in a stack. Each copying listener adds ten resources to at most 500 (CloudFormation's quotas),
 * and up to 332 characters to the 10,240 that all policies of one role may have (IAM's quotas).
 */
const MOST_COPYING = 20

function tooMany(relays: readonly RelayEntry[]): string[] {
  const { length } = copying(relays)
  if (length <= MOST_COPYING) return []
  return [
    `infra/relays.yml has ${length} copying entries, and a stack has room for ${MOST_COPYING}: ` +
      'use mode bind, or another stage',
  ]
}

/** Functions that hold a connection: each needs an execution environment at least. */
const LEAST_CONCURRENCY = 3
/** Connections left for the console, operators, consumers and the topology function. */
const CONNECTIONS_LEFT = 20

/**
 * How many execution environments a broker has room for. Half of the connections: after a deployment
 * the environments of the old version live on, frozen, and hold theirs for minutes. A copying relay
 * has two connections.
 */
export const mostConcurrency = (connectionMax: number, relays: number): number =>
  Math.floor((connectionMax - 2 * relays - CONNECTIONS_LEFT) / 2)

function tooConcurrent(read: Read, relays: readonly RelayEntry[]): string[] {
  const { publishConcurrency: wanted, broker, size } = read
  if (wanted === 0) return []
  if (wanted < LEAST_CONCURRENCY) {
    return [`publishConcurrency must be 0, which is no limit, or at least ${LEAST_CONCURRENCY}`]
  }
  if (broker === 'external') return []
  const { length } = copying(relays)
  const most = mostConcurrency(SIZES[size].connectionMax, length)
  if (wanted <= most) return []
  return [
    `publishConcurrency must be at most ${most}: size=${size} takes ${SIZES[size].connectionMax} connections, ` +
      `of which ${length} relays need 2 each and ${CONNECTIONS_LEFT} are left for others; ` +
      'half of the rest is for the environments of an old version, which live on for minutes',
  ]
}
