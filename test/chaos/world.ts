import { type Broker, startBroker } from '../support/broker.ts'
import type { Ending } from '../support/ending.ts'
import { startProxy, type TcpProxy } from '../support/proxy.ts'
import { saveQueues } from '../support/save-queues.ts'
import type { Answer, Callers } from './callers.ts'
import type { Cluster } from './cluster.ts'
import type { Consumers } from './consumers.ts'
import type { Ledger } from './ledger.ts'
import type { Member } from './member.ts'
import type { Pace } from './pace.ts'

/** One exchange with one listener: what is acknowledged here must arrive in this queue. */
export interface Lane {
  readonly exchange: string
  /** What the exchange puts messages into: a staging queue, or the listener's queue itself. */
  readonly entry: string
  /** Where the consumer takes them from. */
  readonly queue: string
}

/** A network path, which can fail. */
export interface Link {
  readonly name: string
  readonly proxy: TcpProxy
}

/** What is tested: whatever takes messages by HTTP and brings them to the lanes' queues. */
export interface Subject {
  /** Where callers find it, on 127.0.0.1. */
  readonly port: number
  readonly token: string
  readonly lanes: readonly Lane[]
  /** How a caller understands an answer. */
  readonly read: (status: number, body: string) => Answer
  /** The id of a message; undefined for one that no caller can have meant. */
  readonly idOf: (messageId: unknown, body: string) => number | undefined
  /** What publishes, what copies, what stands in front: any of them may be absent. */
  readonly members: Readonly<Record<'front' | 'relay' | 'edge', readonly Member[]>>
  /** From the publishers to the broker, from the relays to it, from the edge to the publishers. */
  readonly links: Readonly<Record<'front' | 'relay' | 'edge', readonly Link[]>>
  /** Whether something declares again what was deleted. */
  readonly repairs: boolean
}

/** The broker: one node, or more of a cluster. */
export interface Nodes {
  readonly all: readonly Broker[]
  /** A path to whichever node answers. */
  link(name: string): Promise<Link & { readonly url: string }>
  /** Of all queues that must be as safe as the topology allows. */
  readonly queueType: 'classic' | 'quorum'
  /** Absent: there is one node. */
  readonly cluster?: Cluster
}

/** All that a fault can reach. */
export interface World {
  readonly nodes: Nodes
  readonly subject: Subject
  readonly pace: Pace
  readonly ledger: Ledger
  readonly callers: Callers
  readonly consumers: Consumers
  /** Own way to the broker, which no fault of a link meets. */
  readonly url: string
}

/** One node. */
export async function startSingle(ends: Ending): Promise<Nodes> {
  const broker = await startBroker()
  ends.after(() => broker.dispose())
  return { all: [broker], link: linksTo(ends, [broker]), queueType: 'classic' }
}

export const linksTo =
  (ends: Ending, brokers: readonly Broker[]): Nodes['link'] =>
  async (name) => {
    const proxy = await startProxy(brokers.map(({ amqpPort }) => amqpPort))
    ends.after(() => proxy.close())
    return { name, proxy, url: proxy.through((brokers[0] as Broker).amqpUrl) }
  }

/** See {@link saveQueues}: to be done whenever there are new queues. */
export const saveAllQueues = ({ all }: Nodes) => Promise.all(all.map(saveQueues))
