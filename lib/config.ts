import { readFileSync } from 'node:fs'
import * as v from 'valibot'
import { LOG_LEVELS } from './log.ts'

/** Environment variables as a process gets them. */
export type Env = Readonly<Record<string, string | undefined>>

/** Every wrong setting at once, in plain words; never a value that may be secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

const TRUE = ['1', 'true', 'yes', 'on']
const FALSE = ['0', 'false', 'no', 'off', '']

/** A strict boolean: `1 true yes on`, `0 false no off` or empty; anything else is refused. */
export const flag = (fallback: boolean) =>
  v.pipe(
    v.optional(v.string(), fallback ? '1' : '0'),
    v.transform((text) => text.trim().toLowerCase()),
    v.check(
      (text) => TRUE.includes(text) || FALSE.includes(text),
      `must be one of ${TRUE.join(', ')}, ${FALSE.slice(0, -1).join(', ')}`,
    ),
    v.transform((text) => TRUE.includes(text)),
  )

/** A whole number from `min` to `max`. Unset or empty means the default. */
export const whole = (fallback: number, min: number, max: number) =>
  v.pipe(
    v.optional(v.string(), ''),
    v.transform((text) => (text.trim() === '' ? String(fallback) : text.trim())),
    v.check(
      (text) => /^\d+$/.test(text) && Number(text) >= min && Number(text) <= max,
      `must be a whole number from ${min} to ${max}`,
    ),
    v.transform(Number),
  )

export const choice = <const T extends string>(options: readonly T[], fallback: T) =>
  v.pipe(
    v.optional(v.string(), ''),
    v.transform((text) => (text === '' ? fallback : text)),
    v.picklist(options, `must be one of ${options.join(', ')}`),
  )

/** A text; unset means the default. */
export const text = (fallback: string) => v.optional(v.string(), fallback)

/** A text or nothing; empty counts as nothing. */
export const maybe = () =>
  v.pipe(
    v.optional(v.string()),
    v.transform((value) => value || undefined),
  )

/** A text that must be there, at most 255 bytes (an AMQP short string). */
export const name = () =>
  v.pipe(
    v.optional(v.string(), ''),
    v.check((value) => value !== '', 'must be set'),
    v.check((value) => Buffer.byteLength(value) <= 255, 'must be at most 255 bytes'),
  )

type Entries = Record<string, v.GenericSchema<string | undefined, unknown>>
type Settings<E extends Entries> = { readonly [K in keyof E]: v.InferOutput<E[K]> }

/**
 * Reads the settings that `entries` names from `env`, and ignores the rest.
 * @throws {ConfigError} with every wrong one
 */
export function readSettings<E extends Entries>(entries: E, env: Env): Settings<E> {
  const picked = Object.fromEntries(Object.keys(entries).map((key) => [key, env[key]]))
  const result = v.safeParse(v.object(entries), picked)
  if (result.success) return result.output as Settings<E>
  throw new ConfigError(
    result.issues.map((issue) => `${issue.path?.[0]?.key as string} ${issue.message}`),
  )
}

/** Runs every reader and gives all their problems in one ConfigError. */
export function readAll<T extends Readonly<Record<string, () => unknown>>>(
  readers: T,
): { readonly [K in keyof T]: ReturnType<T[K]> } {
  const problems: string[] = []
  const read: Record<string, unknown> = {}
  for (const [key, reader] of Object.entries(readers)) {
    try {
      read[key] = reader()
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      problems.push(...error.problems)
    }
  }
  if (problems.length > 0) throw new ConfigError([...new Set(problems)])
  return read as { readonly [K in keyof T]: ReturnType<T[K]> }
}

/** Where the broker's URL comes from: given, or the secret that holds it, read when connecting. */
export interface BrokerSettings {
  /** `amqp://` or `amqps://` with user and password; absent when `secretArn` is given. */
  readonly url?: string
  /** Secrets Manager ARN whose text is such a URL. */
  readonly secretArn?: string
  /** Seconds asked for in the handshake; the broker may lower it. 0 is refused: a dead peer would never be noticed. @default 20 */
  readonly heartbeatS: number
  /** PEM file of the authority that signed the broker's certificate, or its text. @default the system's */
  readonly caFile?: string
}

const isAmqpUrl = (text: string): boolean => {
  const parsed = URL.parse(text)
  return parsed !== null && /^amqps?:$/.test(parsed.protocol) && parsed.hostname !== ''
}
const NO_AMQP_URL = 'must be a URL like amqp://user:password@host:5672/vhost'

/** Where the broker is; the README's table describes each of them. */
export const BROKER = {
  // Checked with the rest, so that one error names them all.
  AMQP_URL: v.pipe(
    maybe(),
    v.check((url) => url === undefined || isAmqpUrl(url), NO_AMQP_URL),
  ),
  AMQP_URL_FILE: maybe(),
  AMQP_URL_SECRET_ARN: maybe(),
  RABBIT_HOST: text('127.0.0.1'),
  RABBIT_PORT: whole(5672, 1, 65535),
  RABBIT_USER: text('guest'),
  RABBIT_PASS: maybe(),
  RABBIT_PASS_FILE: maybe(),
  RABBIT_VHOST: text('/'),
  RABBIT_CA_FILE: maybe(),
  HEARTBEAT_S: whole(20, 1, 300),
}

/**
 * The broker: `AMQP_URL`, `AMQP_URL_FILE` or `AMQP_URL_SECRET_ARN`, else `RABBIT_HOST RABBIT_PORT
 * RABBIT_USER RABBIT_PASS RABBIT_PASS_FILE RABBIT_VHOST`.
 * @throws {ConfigError}
 */
export function readBroker(env: Env): BrokerSettings {
  const read = readSettings(BROKER, env)
  const common = {
    heartbeatS: read.HEARTBEAT_S,
    ...(read.RABBIT_CA_FILE === undefined ? {} : { caFile: read.RABBIT_CA_FILE }),
  }
  if (read.AMQP_URL) return { ...common, url: read.AMQP_URL }
  if (read.AMQP_URL_FILE) {
    return {
      ...common,
      url: amqpUrl('AMQP_URL_FILE', readSecretFile('AMQP_URL_FILE', read.AMQP_URL_FILE)),
    }
  }
  if (read.AMQP_URL_SECRET_ARN) return { ...common, secretArn: read.AMQP_URL_SECRET_ARN }
  const pass = read.RABBIT_PASS_FILE
    ? readSecretFile('RABBIT_PASS_FILE', read.RABBIT_PASS_FILE)
    : (read.RABBIT_PASS ?? 'guest')
  const login = `${encodeURIComponent(read.RABBIT_USER)}:${encodeURIComponent(pass)}`
  const host = read.RABBIT_HOST.includes(':') ? `[${read.RABBIT_HOST}]` : read.RABBIT_HOST
  const vhost = encodeURIComponent(read.RABBIT_VHOST)
  const url = `amqp://${login}@${host}:${read.RABBIT_PORT}/${vhost}`
  return { ...common, url: amqpUrl('RABBIT_HOST', url) }
}

/** Checks an AMQP URL; the message never shows it, since it holds a password. */
export function amqpUrl(setting: string, url: string): string {
  if (isAmqpUrl(url)) return url
  throw new ConfigError([`${setting} ${NO_AMQP_URL}`])
}

/** The content of a secret's file, without the line end. @throws {ConfigError} */
export function readSecretFile(setting: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '')
  } catch {
    throw new ConfigError([`${setting}: cannot read the file ${file}`])
  }
}

/** What CloudWatch makes metrics of, in functions and relays on AWS. */
export const METRICS = { METRICS_STACK: maybe() }

/** The value of the metrics' dimension `Stack`, as which a log's metrics are told from others'. */
export const readMetricsStack = (env: Env): string | undefined =>
  readSettings(METRICS, env).METRICS_STACK

const MIB = 1024 * 1024

/** Origins as browsers write them, separated by commas; or `*`. */
const origins = () =>
  v.pipe(
    text(''),
    v.transform((value) =>
      value
        .split(',')
        .map((one) => one.trim())
        .filter((one) => one !== ''),
    ),
    v.check(
      (all) => all.every((one) => one === '*' || URL.parse(one)?.origin === one),
      'must be origins like https://app.example.com, separated by commas, or *',
    ),
  )

/** Settings of whatever answers HTTP requests; the README's table describes each of them. */
export const HTTP = {
  API_TOKEN: maybe(),
  API_TOKENS_FILE: maybe(),
  API_TOKENS_SECRET_ARN: maybe(),
  CORS_ORIGINS: origins(),
  LOG_LEVEL: choice(LOG_LEVELS, 'info'),
  // 4.4 MiB: what is left of Lambda's 6 MB event after base64.
  MAX_BODY_BYTES: whole(Math.floor(4.4 * MIB), 1, 64 * MIB),
}

export interface HttpSettings {
  readonly apiToken?: string
  readonly apiTokensFile?: string
  readonly apiTokensSecretArn?: string
  /** Origins whose pages may call from a browser. @default none */
  readonly corsOrigins: readonly string[]
  readonly logLevel: (typeof LOG_LEVELS)[number]
  readonly maxBodyBytes: number
}

/** @throws {ConfigError} */
export function readHttp(env: Env): HttpSettings {
  const read = readSettings(HTTP, env)
  return {
    ...(read.API_TOKEN ? { apiToken: read.API_TOKEN } : {}),
    ...(read.API_TOKENS_FILE ? { apiTokensFile: read.API_TOKENS_FILE } : {}),
    ...(read.API_TOKENS_SECRET_ARN ? { apiTokensSecretArn: read.API_TOKENS_SECRET_ARN } : {}),
    corsOrigins: read.CORS_ORIGINS,
    logLevel: read.LOG_LEVEL,
    maxBodyBytes: read.MAX_BODY_BYTES,
  }
}

/** `CORS_ORIGINS` alone, for functions that need no other setting. @throws {ConfigError} */
export const readCorsOrigins = (env: Env): readonly string[] =>
  readSettings({ CORS_ORIGINS: HTTP.CORS_ORIGINS }, env).CORS_ORIGINS
