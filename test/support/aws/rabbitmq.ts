import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { freePorts } from '#infra/local/ports.ts'
import { type Broker, startBroker } from '../broker.ts'
import { makeCertificate } from '../certificate.ts'
import type { Ending } from '../ending.ts'
import type { AmazonMq } from './account.ts'

/** As Amazon MQ names its brokers. */
const HOST = 'b-0a1b2c3d-0000-4000-8000-00000000feed.mq.eu-west-1.on.aws'

/** A real RabbitMQ that takes TLS, under a name that it has on the internet. */
export interface TlsBroker {
  readonly broker: Broker
  /** Where the ports of that name are to be found here. */
  readonly hosts: Readonly<Record<string, string>>
  /** It signed its certificate itself. */
  readonly caFile: string
}

/**
 * Starts one; it ends with the test. One that closes every connection before it speaks TLS is replaced once,
 * and the end of its log is shown: that was seen once, and the reason is not known.
 */
export async function startTlsBroker(ending: Ending, host: string): Promise<TlsBroker> {
  const first = await startOne(ending, host)
  const fault = await tlsFault(first, host)
  if (fault === undefined) return first
  process.stderr.write(`${fault}\n`)
  const second = await startOne(ending, host)
  const again = await tlsFault(second, host)
  if (again !== undefined) throw new Error(again)
  return second
}

async function startOne(ending: Ending, host: string): Promise<TlsBroker> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-tls-'))
  ending.after(() => rm(folder, { recursive: true }))
  const { certFile, keyFile } = makeCertificate(folder, host)
  const [amqps, https] = (await freePorts(2)) as [number, number]
  const files = (prefix: string) => [
    `${prefix}.cacertfile = ${certFile}`,
    `${prefix}.certfile = ${certFile}`,
    `${prefix}.keyfile = ${keyFile}`,
  ]
  const broker = await startBroker({
    plugins: ['rabbitmq_management'],
    conf: [
      ...[`listeners.ssl.1 = 127.0.0.1:${amqps}`, ...files('ssl_options')],
      ...['management.ssl.ip = 127.0.0.1', `management.ssl.port = ${https}`],
      ...files('management.ssl'),
    ],
  })
  ending.after(() => broker.dispose())
  const hosts = { [`${host}:5671`]: `127.0.0.1:${amqps}`, [`${host}:443`]: `127.0.0.1:${https}` }
  return { broker, hosts, caFile: certFile }
}

const TLS_MS = 10_000
const LOG_LINES = 40

/** Why it does not speak TLS, with the end of its log; undefined when it does. */
async function tlsFault(
  { broker, hosts, caFile }: TlsBroker,
  servername: string,
): Promise<string | undefined> {
  const [host, port] = (hosts[`${servername}:5671`] as string).split(':')
  const socket = connect({ host, port: Number(port), servername, ca: await readFile(caFile) })
  try {
    await once(socket, 'secureConnect', { signal: AbortSignal.timeout(TLS_MS) })
    return undefined
  } catch (error) {
    const path = (await broker.erlang('hd(rabbit:log_locations()).')).trim().replaceAll('"', '')
    const log = (await readFile(path, 'utf8')).trimEnd().split('\n').slice(-LOG_LINES)
    return `RabbitMQ does not speak TLS (${error}). The end of its log:\n${log.join('\n')}`
  } finally {
    socket.destroy()
  }
}

/** A broker that plays Amazon MQ, and makes the user that the stack wants. */
export interface BrokerOnAws {
  readonly broker: Broker
  readonly amazonMq: AmazonMq
  readonly caFile: string
}

/** Starts one; it ends with the test. */
export async function startAmazonMq(ending: Ending): Promise<BrokerOnAws> {
  const { broker, hosts, caFile } = await startTlsBroker(ending, HOST)
  const amazonMq: AmazonMq = {
    host: HOST,
    hosts,
    createUser: async (name, password) => {
      await broker.ctl('add_user', name, password)
      await broker.ctl('set_user_tags', name, 'administrator')
      await broker.ctl('set_permissions', '-p', '/', name, '.*', '.*', '.*')
    },
  }
  return { broker, amazonMq, caFile }
}
