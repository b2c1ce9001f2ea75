import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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

/** Starts one; it ends with the test. */
export async function startTlsBroker(ending: Ending, host: string): Promise<TlsBroker> {
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
