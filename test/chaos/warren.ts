import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderNginxConf } from '#infra/edge/nginx-conf.ts'
import { serveReadyNames } from '#infra/edge/ready-names.ts'
import { readEdge } from '#infra/edge/settings.ts'
import { startApi } from '#infra/local/api.ts'
import { findNginx, startNginx } from '#infra/local/nginx.ts'
import { freePorts } from '#infra/local/ports.ts'
import { stagingName } from '#lib/names.ts'
import { TOKEN } from '../support/api.ts'
import { startDns } from '../support/dns.ts'
import type { Ending } from '../support/ending.ts'
import { startTestGateway } from '../support/gateway.ts'
import { startProxy } from '../support/proxy.ts'
import { startRelay } from '../support/relay.ts'
import type { Answer } from './callers.ts'
import { type Member, startMember } from './member.ts'
import type { Lane, Link, Nodes, Subject } from './world.ts'

/** A listener that copies, and one that is bound: two kinds of relay. */
const COPIED: Lane = {
  exchange: 'chaos.copied',
  entry: stagingName('chaos.copied', 'chaos.copied.q'),
  queue: 'chaos.copied.q',
}
const BOUND: Lane = { exchange: 'chaos.bound', entry: 'chaos.bound.q', queue: 'chaos.bound.q' }

/** So that trouble is over within the seconds of a run: a relay's own defaults are made for days. */
const HASTE = {
  HEARTBEAT_S: '2',
  HOLD_MS: '2000',
  HOLD_CHECK_MS: '500',
  HOLD_PAUSE_MS: '1000',
  TOPOLOGY_CHECK_MS: '1000',
  LOG_LEVEL: 'warn',
}

/** What stands between the callers and the broker. */
export interface Front {
  readonly port: number
  readonly front: readonly Member[]
  readonly edge: readonly Member[]
  readonly links: Pick<Subject['links'], 'front' | 'edge'>
}

/** Warren: relays of both kinds, and a front. */
export async function startWarren(
  ends: Ending,
  nodes: Nodes,
  startFront: (ends: Ending, nodes: Nodes) => Promise<Front>,
): Promise<Subject> {
  const link = await nodes.link('relays to broker')
  const relay = await startRelays(ends, nodes, link.url)
  const { port, front, edge, links } = await startFront(ends, nodes)
  return {
    port,
    token: TOKEN,
    lanes: [COPIED, BOUND],
    read: readAnswer,
    idOf: (messageId, body) => (body === `{"id":${messageId}}` ? Number(messageId) : undefined),
    members: { front, relay, edge },
    links: { ...links, relay: [link] },
    repairs: true,
  }
}

async function startRelays(ends: Ending, { queueType }: Nodes, url: string): Promise<Member[]> {
  const common = { ...HASTE, AMQP_URL: url, QUEUE_TYPE: queueType }
  const lane = ({ exchange, queue }: Lane) => ({ EXCHANGE: exchange, QUEUE_TOPIC: queue })
  const start = (name: string, env: Readonly<Record<string, string>>) =>
    startMember(ends, name, async () => (await startRelay(ends, { ...common, ...env })).child)
  return [
    await start('relay 1', lane(COPIED)),
    await start('relay 2, on standby', lane(COPIED)),
    await start('relay in mode bind', { ...lane(BOUND), RELAY_MODE: 'bind' }),
  ]
}

const REPLICAS = ['127.0.0.2', '127.0.0.3']
const NAME = 'gateway'

/** Two gateways behind an edge, which finds them by a name. */
export async function startGateways(ends: Ending, nodes: Nodes): Promise<Front> {
  const links = { front: [] as Link[], edge: [] as Link[] }
  const front: Member[] = []
  let at = { port: 0, adminPort: 0 }
  for (const host of REPLICAS) {
    const name = `gateway ${front.length + 1}`
    const link = await nodes.link(`${name} to broker`)
    const [port, adminPort] = (await freePorts(2)) as [number, number]
    const env = { PORT: String(port), ADMIN_PORT: String(adminPort), AMQP_URL: link.url }
    const start = async () => (await startTestGateway(ends, { ...env, LOG_LEVEL: 'warn' })).child
    front.push(await startMember(ends, name, start))
    // An address of its own, with the same ports as the others', as in a network of containers.
    const toApi = await startProxy(port, { host, port: at.port })
    const toAdmin = await startProxy(adminPort, { host, port: at.adminPort })
    ends.after(() => Promise.all([toApi.close(), toAdmin.close()]))
    at = { port: toApi.port, adminPort: toAdmin.port }
    links.front.push(link)
    links.edge.push({ name: `edge to ${name}`, proxy: toApi })
  }
  const dns = await startDns(ends)
  dns.add(NAME, ...REPLICAS)
  const names = await serveReadyNames({
    name: NAME,
    readyPort: at.adminPort,
    resolvers: [dns.address],
  })
  ends.after(names.close)
  const apiUrl = `http://${NAME}:${at.port}`
  const { port, edge } = await startEdge(ends, { API_URL: apiUrl, RESOLVERS: names.address })
  return { port, front, edge: [edge], links }
}

/** The functions as `serverless offline` runs them, behind an edge. */
export async function startFunctions(ends: Ending, nodes: Nodes): Promise<Front> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-chaos-api-'))
  ends.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const link = await nodes.link('functions to broker')
  const [port, lambdaPort] = (await freePorts(2)) as [number, number]
  const env = { AMQP_URL: link.url, API_TOKEN: TOKEN, LOG_LEVEL: 'warn' }
  const logFile = join(folder, 'api.log')
  const start = () => startApi({ port, lambdaPort, env, logFile })
  const api = await startMember(ends, 'functions', start)
  const proxy = await startProxy(port)
  ends.after(() => proxy.close())
  const { edge, port: at } = await startEdge(ends, { API_URL: `http://127.0.0.1:${proxy.port}` })
  const links = { front: [link], edge: [{ name: 'edge to functions', proxy }] }
  return { port: at, front: [api], edge: [edge], links }
}

/** An nginx with the product's configuration, which keeps its port when it is started again. */
async function startEdge(
  ends: Ending,
  env: Readonly<Record<string, string>>,
): Promise<{ readonly port: number; readonly edge: Member }> {
  const bin = findNginx()
  if (bin === undefined) throw new Error('nginx is not installed')
  const folder = await mkdtemp(join(tmpdir(), 'warren-chaos-edge-'))
  ends.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const [port] = (await freePorts(1)) as [number]
  const conf = renderNginxConf(readEdge({ EDGE_PORT: String(port), ...env }))
  const logFile = join(folder, 'nginx.log')
  const home = join(folder, 'nginx')
  const edge = await startMember(ends, 'edge', () => startNginx({ bin, home, conf, logFile }))
  return { port, edge }
}

/** What the documentation tells callers to make of an answer (docs/api.md). */
function readAnswer(status: number, body: string): Answer {
  if (status === 200) return { told: 'acked', label: '200' }
  const { outcome, code } = problemIn(body)
  const label = code ?? String(status)
  if (outcome !== undefined) {
    return { told: outcome === 'not-published' ? 'refused' : 'unknown', label }
  }
  return { told: status < 500 ? 'refused' : 'unknown', label }
}

function problemIn(body: string): { readonly outcome?: string; readonly code?: string } {
  try {
    return JSON.parse(body)
  } catch {
    return {}
  }
}
