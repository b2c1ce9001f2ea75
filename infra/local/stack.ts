import { join } from 'node:path'
import type { RelayEntry } from '#infra/relays.ts'
import { ConfigError, type Env } from '#lib/config.ts'
import { startApi } from './api.ts'
import { type LocalBroker, startLocalBroker } from './broker.ts'
import { startDockerBroker } from './docker-broker.ts'
import { startDockerEdge } from './docker-edge.ts'
import { startEdge } from './edge.ts'
import type { InDocker } from './in-docker.ts'
import { howToInstall, type Programs } from './install/programs.ts'
import type { Parts } from './parts.ts'
import { freePort } from './ports.ts'
import { startRelay } from './relay.ts'
import type { LocalSettings } from './settings.ts'

export interface StackOptions {
  readonly settings: LocalSettings
  readonly programs: Programs
  readonly inDocker: InDocker
  /** Each part is added as soon as it runs. */
  readonly parts: Parts
  readonly say: (line: string) => void
  readonly env: Env
}

/** The broker that the stack uses. */
export interface Broker {
  readonly url: string
  readonly caFile?: string
  /** Absent: its console is not ours to offer. */
  readonly console?: { readonly url: string; readonly user: string; readonly pass: string }
}

/** The stack once every part of it is ready. */
export interface Running {
  /** Where callers publish: the edge, or the API itself where there is no nginx. */
  readonly url: string
  readonly hasEdge: boolean
  readonly broker: Broker
}

/**
 * Starts broker, API, relays and edge, and resolves when all are ready.
 * @throws {ChildFailed} naming the part that did not start, with its last lines
 */
export async function startStack(options: StackOptions): Promise<Running> {
  const broker = await provideBroker(options)
  const apiUrl = await startClients(broker, options)
  return { ...(await provideEdge(apiUrl, broker, options)), broker }
}

async function provideBroker(options: StackOptions): Promise<Broker> {
  const { settings, parts, say } = options
  if (settings.broker) return settings.broker
  say(options.inDocker.broker ? 'Starting RabbitMQ in Docker …' : 'Starting RabbitMQ …')
  const { part, ...broker } = await startOwnBroker(options)
  parts.add('broker', part)
  return broker
}

/** In a container where there is an image for it, else as a private node. */
function startOwnBroker({ settings, programs, inDocker }: StackOptions): Promise<LocalBroker> {
  const { home, edgePort } = settings
  if (inDocker.broker) return startDockerBroker(home, edgePort)
  if (programs.rabbitmq === undefined) {
    throw new ConfigError([
      `RabbitMQ is missing. Install it (${howToInstall('rabbitmq', 'nginx')}), or set AMQP_URL to a broker that runs already.`,
    ])
  }
  return startLocalBroker(programs.rabbitmq, join(home, 'broker'), edgePort)
}

/** API and relays, side by side. */
async function startClients(broker: Broker, options: StackOptions): Promise<string> {
  const { settings, parts, say } = options
  const env = { ...pick(options.env, FOR_ALL), AMQP_URL: broker.url }
  const logs = join(settings.home, 'logs')
  const portFrom = (wanted: number) => freePort(wanted, settings.edgePort)
  const port = await portFrom(3000)
  say(`Starting the API and the relays ${settings.relays.map(({ name }) => name).join(', ')} …`)
  const api = async () => {
    const lambdaPort = await portFrom(3002)
    const apiEnv = { ...env, ...pick(options.env, FOR_API), API_TOKEN: settings.apiToken }
    const logFile = join(logs, 'api.log')
    parts.add('clients', await startApi({ port, lambdaPort, env: apiEnv, logFile }))
  }
  const relay = async (entry: RelayEntry, index: number) => {
    const healthPort = await portFrom(9091 + index)
    parts.add('clients', await startRelay({ entry, env, healthPort, logs }))
  }
  await Promise.all([api(), ...settings.relays.map(relay)])
  return `http://127.0.0.1:${port}`
}

// The only settings of the shell that the parts get.
const FOR_ALL = /^(LOG_LEVEL|HEARTBEAT_S|RABBIT_CA_FILE|NODE_EXTRA_CA_CERTS)$/
const FOR_API = /^(CORS_ORIGINS|MAX_BODY_BYTES|API_TOKENS_(FILE|SECRET_ARN)|AWS_\w+)$/

const pick = (env: Env, names: RegExp): Env =>
  Object.fromEntries(Object.entries(env).filter(([name]) => names.test(name)))

async function provideEdge(apiUrl: string, broker: Broker, options: StackOptions) {
  const { settings, programs, inDocker, parts, say } = options
  const bin = programs.nginx
  if (bin === undefined && !inDocker.edge) {
    say(`nginx is missing (${howToInstall('nginx')}): without it there is no edge and no console.`)
    return { url: apiUrl, hasEdge: false }
  }
  const { edgePort: port, home } = settings
  const edge = { port, apiUrl, consoleUrl: broker.console?.url, home }
  say(bin === undefined ? 'Starting nginx in Docker …' : 'Starting nginx …')
  parts.add('edge', await (bin === undefined ? startDockerEdge(edge) : startEdge({ ...edge, bin })))
  return { url: `http://127.0.0.1:${port}`, hasEdge: true }
}
