import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '#infra/local/ports.ts'
import { startTestApi, TOKEN } from '../support/api.ts'
import { startBroker } from '../support/broker.ts'
import { makeCertificate } from '../support/certificate.ts'
import { startEdge } from '../support/edge.ts'
import type { Ending } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import { type Observer, observe } from '../support/messages.ts'
import { startTap, type Tap } from './tap.ts'

export const FRONTS = ['gateway', 'serverless offline', 'edge'] as const
export type Front = (typeof FRONTS)[number]

const EXCHANGE = 'clients'
const QUEUE = 'clients'

/** A broker and all ways into it. */
export interface Fronts {
  readonly urls: Readonly<Record<Front, string>>
  readonly token: string
  /** Before the gateway, and before edges that speak TLS. */
  readonly taps: Taps
  /** Takes every message out of the queue. */
  take(): Promise<Taken[]>
}

/** Of the edge. */
export const TLS_PROFILES = ['intermediate', 'old'] as const
export type TlsProfile = (typeof TLS_PROFILES)[number]

/** Where the same can be sent, and what passes is seen. */
export interface Taps extends Readonly<Record<TlsProfile, Tap>> {
  readonly plain: Tap
}

/** What of a message is compared. */
export interface Taken {
  readonly content: Buffer
  readonly contentType: string
  readonly messageId: string
}

/** Of the exchange, below any origin. */
export const PATH = `/publish/${EXCHANGE}`

/** Starts them; they end with `ending`. The edges stand before the gateway. */
export async function startFronts(ending: Ending): Promise<Fronts> {
  const broker = await startBroker()
  ending.after(() => broker.dispose())
  const observer = await observe(broker.amqpUrl)
  ending.after(() => observer.close())
  await observer.bind(EXCHANGE, QUEUE)
  const env = { AMQP_URL: broker.amqpUrl }
  const gateway = await startTestGateway(ending, env)
  const api = await startTestApi(ending, { env })
  const edge = await startEdge(ending, { API_URL: gateway.origin })
  return {
    urls: {
      gateway: gateway.origin + PATH,
      'serverless offline': api.origin + PATH,
      edge: edge.origin + PATH,
    },
    token: TOKEN,
    taps: {
      plain: await startTap(ending, Number(new URL(gateway.origin).port)),
      intermediate: await tapTlsEdge(ending, gateway.origin, 'intermediate'),
      old: await tapTlsEdge(ending, gateway.origin, 'old'),
    },
    take: () => takeAll(observer),
  }
}

async function tapTlsEdge(ending: Ending, API_URL: string, TLS_PROFILE: TlsProfile): Promise<Tap> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-certificate-'))
  ending.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const { certFile, keyFile } = makeCertificate(folder, 'edge.test')
  const [port] = (await freePorts(1)) as [number]
  const TLS = {
    TLS_CERT_FILE: certFile,
    TLS_KEY_FILE: keyFile,
    TLS_PORT: String(port),
    TLS_PROFILE,
  }
  await startEdge(ending, { API_URL, ...TLS })
  return startTap(ending, port)
}

async function takeAll({ channel }: Observer): Promise<Taken[]> {
  const taken: Taken[] = []
  for (;;) {
    const message = await channel.get(QUEUE, { noAck: true })
    if (message === false) return taken
    const { contentType, messageId } = message.properties
    taken.push({ content: message.content, contentType, messageId })
  }
}
