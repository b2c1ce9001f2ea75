import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type RelayEntry, readRelays } from '#infra/relays.ts'
import {
  type BrokerSettings,
  type Env,
  flag,
  readAll,
  readBroker,
  readHttp,
  readSettings,
  text,
  whole,
} from '#lib/config.ts'
import { defined } from '#lib/defined.ts'

/** The folder of this checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A broker that runs already. */
export type GivenBroker = BrokerSettings & { readonly url: string }

/** What `npm start` understands. */
export interface LocalSettings {
  /** Port of the edge on 127.0.0.1. */
  readonly edgePort: number
  /** Absolute. Broker data, logs, lock. */
  readonly home: string
  /** Whether missing packages may be installed. */
  readonly mayInstall: boolean
  /** Whether the broker may run in a container. */
  readonly mayUseDocker: boolean
  readonly apiToken: string
  /** Absent: one of our own. */
  readonly broker?: GivenBroker
  readonly relays: readonly RelayEntry[]
}

/** Settings of the local start alone; the README's table describes each of them. */
export const LOCAL = {
  EDGE_PORT: whole(8080, 1, 65_535),
  WARREN_HOME: text('.warren'),
  WARREN_INSTALL: flag(true),
  WARREN_DOCKER: flag(true),
}

// The predecessor's. Everything listens on 127.0.0.1 only.
const API_TOKEN = 'super_secret_key'

/** @throws {ConfigError} with every wrong setting, those of the API and of relays.yml included */
export function readLocal(env: Env): LocalSettings {
  const read = readAll({
    local: () => readSettings(LOCAL, env),
    http: () => readHttp(env),
    broker: () => readGivenBroker(env),
    relays: () => readRelays(),
  })
  return {
    edgePort: read.local.EDGE_PORT,
    home: readHome(env),
    mayInstall: read.local.WARREN_INSTALL,
    mayUseDocker: read.local.WARREN_DOCKER,
    apiToken: read.http.apiToken ?? API_TOKEN,
    relays: read.relays,
    ...defined({ broker: read.broker }),
  }
}

/** The folder for broker data, logs and lock; a relative one is under the checkout. */
export const readHome = (env: Env): string => resolve(ROOT, env['WARREN_HOME'] || '.warren')

/** @throws {ConfigError} */
export const readEdgePort = (env: Env): number =>
  readSettings({ EDGE_PORT: LOCAL.EDGE_PORT }, env).EDGE_PORT

/**
 * Only a URL counts: `RABBIT_HOST` and its like have defaults, so they cannot say "none".
 * @throws {ConfigError}
 */
export function readGivenBroker(env: Env): GivenBroker | undefined {
  if (!env['AMQP_URL'] && !env['AMQP_URL_FILE']) return undefined
  const { url, ...more } = readBroker(env)
  return url === undefined ? undefined : { ...more, url }
}
