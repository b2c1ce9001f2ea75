import { join } from 'node:path'
import { startChild } from '#infra/local/child.ts'
import { freePorts } from '#infra/local/ports.ts'
import type { Broker } from '../support/broker.ts'
import { imageArguments } from './image-arguments.ts'
import { startServerProcess } from './server-process.ts'

/** A server that takes messages by HTTP. */
export interface Subject {
  readonly name: string
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  /** The request's body for this message. */
  readonly body: (message: string) => string
  /** Messages in one request. */
  readonly messages: number
  /** The server's own processes; the broker is not among them. */
  readonly pids: readonly number[]
  stop(): Promise<void>
}

export const EXCHANGE = 'bench'
const TOKEN = 'a-token-of-the-benchmark-0123456789abcdef'
const JSON_TYPE = { 'Content-Type': 'application/json' }
const BEARER = { ...JSON_TYPE, Authorization: `Bearer ${TOKEN}` }
const BASELINES = join(import.meta.dirname, 'baselines')

/** Starts every subject; the slowest to start first. @param folder for logs */
export async function startSubjects(broker: Broker, folder: string): Promise<Subject[]> {
  return [
    await predecessor(broker, folder),
    managementApi(broker),
    await node('fastify', folder, [join(BASELINES, 'fastify.ts'), broker.amqpUrl], {}),
    await startGateway('gateway', broker, folder),
    batchesOf(await startGateway(BATCHES, broker, folder)),
    await node('no-op', folder, [join(BASELINES, 'no-op.ts')], {}),
  ]
}

const BATCH = 100
export const BATCHES = 'gateway, batches of 100'

/** A gateway of its own, asked for a hundred messages at once. */
const batchesOf = (gateway: Subject): Subject => ({
  ...gateway,
  url: gateway.url.replace('/publish/', '/batch/'),
  body: (message) => JSON.stringify(Array(BATCH).fill(envelope(message))),
  messages: BATCH,
})

async function predecessor(broker: Broker, folder: string): Promise<Subject> {
  const [port] = (await freePorts(1)) as [number]
  const child = await startChild({
    name: 'predecessor',
    command: 'gunicorn',
    args: ['-w', '4', '--chdir', BASELINES, 'predecessor:app', '-b', `127.0.0.1:${port}`],
    env: {
      PATH: `/usr/bin:/bin:${process.env['PATH']}`,
      PYTHONDONTWRITEBYTECODE: '1',
      API_TOKEN: TOKEN,
      RABBIT_USER: broker.user,
      RABBIT_PASS: broker.pass,
      RABBIT_PORT: String(broker.amqpPort),
    },
    logFile: join(folder, 'predecessor.log'),
    isReady: (line) => line.includes('Booting worker'),
  })
  const url = `http://127.0.0.1:${port}/publish/${EXCHANGE}`
  const stop = async () => void (await child.stop())
  const pids = [child.pid]
  return { name: 'predecessor', url, headers: BEARER, body: same, messages: 1, pids, stop }
}

const same = (message: string) => message

function managementApi(broker: Broker): Subject {
  const login = Buffer.from(`${broker.user}:${broker.pass}`).toString('base64')
  return {
    name: 'management API',
    url: `${broker.managementUrl}/api/exchanges/%2F/${EXCHANGE}/publish`,
    headers: { ...JSON_TYPE, Authorization: `Basic ${login}` },
    body: (message) => JSON.stringify(envelope(message)),
    messages: 1,
    pids: [],
    stop: async () => {},
  }
}

const envelope = (message: string) => ({
  properties: { delivery_mode: 2 },
  routing_key: '',
  payload: message,
  payload_encoding: 'string',
})

async function node(
  name: string,
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Subject> {
  const [port, adminPort] = (await freePorts(2)) as [number, number]
  const server = await startServerProcess({
    name,
    args: [...args, String(port)],
    env: { ...env, PORT: String(port), ADMIN_PORT: String(adminPort) },
    port,
    folder,
  })
  const url = `http://127.0.0.1:${port}/publish/${EXCHANGE}`
  const { pid, stop } = server
  return { name, url, headers: BEARER, body: same, messages: 1, pids: [pid], stop }
}

/** A gateway as its image has and starts it, in a process of its own. @param folder for its log, and for that */
export const startGateway = (name: string, broker: Broker, folder: string) =>
  node(name, folder, imageArguments('gateway', folder), {
    AMQP_URL: broker.amqpUrl,
    API_TOKEN: TOKEN,
  })
