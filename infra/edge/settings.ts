import { isIP } from 'node:net'
import type * as v from 'valibot'
import { ConfigError, choice, type Env, flag, readAll, readSettings, whole } from '#lib/config.ts'
import { defined } from '#lib/defined.ts'
import {
  addresses,
  file,
  headerName,
  ipAddress,
  origin,
  resolvers,
  type Upstream,
} from './values.ts'

/** Where nginx finds its own certificate, and how old a client it takes. */
export interface TlsSettings {
  readonly port: number
  /** Where callers find that port, if a container or router publishes it elsewhere. */
  readonly publicPort: number
  /** PEM: the certificate, then those that signed it. */
  readonly certFile: string
  readonly keyFile: string
  /** `intermediate`: TLS 1.2 and 1.3. `old`: also 1.0 and 1.1, for clients that know no better. */
  readonly profile: 'intermediate' | 'old'
  /** Whether the plain port sends callers to the TLS port; else it serves them as well. */
  readonly redirect: boolean
}

/** The management console behind `/rabbitmq/`. */
export interface ConsoleSettings {
  readonly upstream: Upstream
  /** Addresses and networks that may use it; all others are refused. */
  readonly allow: readonly string[]
}

/** All that decides about the edge; see the table in {@link readEdge}. */
export interface EdgeSettings {
  readonly host: string
  readonly port: number
  readonly api: Upstream
  /** Absent: `/rabbitmq/` is not there. */
  readonly console?: ConsoleSettings
  /** DNS servers for upstreams that are given by name. */
  readonly resolvers: readonly string[]
  /** PEM file of the authorities that may have signed an https upstream's certificate. */
  readonly caFile: string
  /** Proxies before us that are believed about the client's address. */
  readonly trustedProxies: readonly string[]
  readonly realIpHeader: string
  readonly maxBodyBytes: number
  /** Requests per second; 0 is no limit. */
  readonly ratePerToken: number
  readonly ratePerAddress: number
  /** Requests that one address may have under way; 0 is no limit. */
  readonly connectionsPerAddress: number
  readonly tls?: TlsSettings
  /** Relative to nginx's folder, or absolute. */
  readonly accessLog: string
}

const EDGE = {
  EDGE_HOST: ipAddress('127.0.0.1'),
  EDGE_PORT: whole(8080, 1, 65535),
  API_URL: origin('http://127.0.0.1:3000'),
  CONSOLE_ENABLED: flag(false),
  CONSOLE_URL: origin('http://127.0.0.1:15672'),
  CONSOLE_ALLOW: addresses('127.0.0.1'),
  RESOLVERS: resolvers(),
  // Where Debian's and Alpine's ca-certificates put it.
  UPSTREAM_CA_FILE: file('/etc/ssl/certs/ca-certificates.crt'),
  TRUSTED_PROXIES: addresses(''),
  REAL_IP_HEADER: headerName('X-Forwarded-For'),
  // 20 MiB: the predecessor's limit, and the gateway's.
  MAX_BODY_BYTES: whole(20 * 1024 * 1024, 1, 64 * 1024 * 1024),
  RATE_PER_TOKEN: whole(0, 0, 100_000),
  RATE_PER_ADDRESS: whole(0, 0, 100_000),
  // An eighth of what the workers can hold, so that one address cannot have them all.
  CONNECTIONS_PER_ADDRESS: whole(512, 0, 65535),
  TLS_CERT_FILE: file(''),
  TLS_KEY_FILE: file(''),
  TLS_PORT: whole(8443, 1, 65535),
  // 0: the same as TLS_PORT.
  TLS_PUBLIC_PORT: whole(0, 0, 65535),
  TLS_PROFILE: choice(['intermediate', 'old'], 'intermediate'),
  HTTP_REDIRECT: flag(true),
  ACCESS_LOG: file('access.log'),
}

type Read = { readonly [K in keyof typeof EDGE]: v.InferOutput<(typeof EDGE)[K]> }

/**
 * Reads the edge's settings: every key of `EDGE`, with its default and range there.
 * @throws {ConfigError} with every wrong one, and with those that do not fit together
 */
export function readEdge(env: Env): EdgeSettings {
  const { read } = readAll({
    read: () => readSettings(EDGE, env) as Read,
    tls: () => checkTls(env),
    names: () => checkNames(env),
  })
  return defined({
    host: read.EDGE_HOST,
    port: read.EDGE_PORT,
    api: read.API_URL,
    console: read.CONSOLE_ENABLED
      ? { upstream: read.CONSOLE_URL, allow: read.CONSOLE_ALLOW }
      : undefined,
    resolvers: read.RESOLVERS,
    caFile: read.UPSTREAM_CA_FILE,
    trustedProxies: read.TRUSTED_PROXIES,
    realIpHeader: read.REAL_IP_HEADER,
    maxBodyBytes: read.MAX_BODY_BYTES,
    ratePerToken: read.RATE_PER_TOKEN,
    ratePerAddress: read.RATE_PER_ADDRESS,
    connectionsPerAddress: read.CONNECTIONS_PER_ADDRESS,
    tls: tlsOf(read),
    accessLog: read.ACCESS_LOG,
  })
}

function tlsOf(read: Read): TlsSettings | undefined {
  if (read.TLS_CERT_FILE === '') return undefined
  return {
    port: read.TLS_PORT,
    publicPort: read.TLS_PUBLIC_PORT || read.TLS_PORT,
    certFile: read.TLS_CERT_FILE,
    keyFile: read.TLS_KEY_FILE,
    profile: read.TLS_PROFILE,
    redirect: read.HTTP_REDIRECT,
  }
}

/** @throws {ConfigError} */
function checkTls({ TLS_CERT_FILE, TLS_KEY_FILE }: Env): void {
  if (Boolean(TLS_CERT_FILE) === Boolean(TLS_KEY_FILE)) return
  throw new ConfigError(['TLS_CERT_FILE and TLS_KEY_FILE must be set together'])
}

/**
 * nginx looks a name up itself, with none of the system's files: it must know whom to ask.
 * @throws {ConfigError}
 */
function checkNames(env: Env): void {
  if (env['RESOLVERS']) return
  const named = (['API_URL', 'CONSOLE_URL'] as const).filter((key) => isNamed(env[key]))
  if (named.length === 0) return
  throw new ConfigError([
    `RESOLVERS must be set (addresses of DNS servers; 127.0.0.11 in Docker), because ${named.join(' and ')} gives a name`,
  ])
}

const isNamed = (url = '') => {
  const host = URL.parse(url)?.hostname ?? ''
  return host !== '' && isIP(host.replace(/^\[|\]$/g, '')) === 0
}
