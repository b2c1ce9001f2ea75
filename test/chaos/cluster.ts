import { execFile, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { freePorts } from '#infra/local/ports.ts'
import { type Broker, startBroker } from '../support/broker.ts'
import type { Ending } from '../support/ending.ts'
import { until } from '../support/until.ts'
import { linksTo, type Nodes } from './world.ts'

const run = promisify(execFile)
const NAMES = ['c1@localhost', 'c2@localhost', 'c3@localhost']
const TOGETHER_WITHIN_MS = 90_000

/** How the nodes are told apart on the network that they talk to each other over. */
interface Address {
  readonly name: string
  readonly distPort: number
  /** Where its own connections to the others come from: all listen at 127.0.0.1. */
  readonly from: string
}

/** A cluster, which can fall apart. */
export interface Cluster {
  readonly broker: (name: string) => Broker
  /** The node that leads this quorum queue, as another one sees it; undefined while there is none. */
  leader(queue: string, asked: Broker): Promise<string | undefined>
  /** Drops all that this node and the others send each other. @returns a function that mends it */
  isolate(name: string): Promise<() => Promise<void>>
  /** Waits until all nodes see each other. @throws {Error} when they do not */
  together(): Promise<void>
}

/**
 * Three nodes on loopback, with quorum queues and `pause_minority`, as RabbitMQ's documentation advises
 * for three. Needs a network namespace of its own: its partitions are rules of a packet filter.
 */
export async function startCluster(ends: Ending): Promise<Nodes> {
  const [epmdPort, ...distPorts] = (await freePorts(4)) as [number, number, number, number]
  startEpmd(ends, epmdPort)
  const cookie = `CHAOS${randomUUID()}`
  const addresses = NAMES.map((name, index): Address => {
    return { name, distPort: distPorts[index] as number, from: `127.0.1.${index + 1}` }
  })
  const all = await Promise.all(
    addresses.map(async ({ name, distPort, from }) => {
      const connectFrom = `[{ip,{${from.replaceAll('.', ',')}}}]`
      const vmArgs = ['+S 1:1', `-kernel inet_dist_connect_options ${connectFrom}`]
      const member = { name, distPort, epmdPort, cookie, vmArgs }
      const broker = await startBroker({ conf: CONF, member })
      ends.after(() => broker.dispose())
      return broker
    }),
  )
  await reserve([epmdPort, ...distPorts, ...all.map(({ amqpPort }) => amqpPort)])
  const cluster = clusterOf(all, addresses)
  await cluster.together()
  return { all, link: linksTo(ends, all), queueType: 'quorum', cluster }
}

const CONF = [
  'cluster_formation.peer_discovery_backend = classic_config',
  ...NAMES.map((name, index) => `cluster_formation.classic_config.nodes.${index + 1} = ${name}`),
  'cluster_partition_handling = pause_minority',
  // A node that is silent for so long counts as gone; the default of 60 is longer than any fault.
  'net_ticktime = 5',
]

/**
 * While a node is away nobody's outgoing connection is given its port, so that it can come back. This
 * list is the namespace's own.
 */
const reserve = (ports: readonly number[]) =>
  writeFile('/proc/sys/net/ipv4/ip_local_reserved_ports', ports.join(','))

/** One port mapper for all: each node's own would not know the others. */
function startEpmd(ends: Ending, port: number): void {
  const env = { ...process.env, ERL_EPMD_PORT: String(port), ERL_EPMD_ADDRESS: '127.0.0.1' }
  const epmd = spawn('epmd', [], { env, detached: true, stdio: 'ignore' })
  ends.after(() => epmd.kill())
}

function clusterOf(all: readonly Broker[], addresses: readonly Address[]): Cluster {
  const broker = (name: string) => all[NAMES.indexOf(name)] as Broker
  return {
    broker,
    leader: async (queue, asked) => {
      const text = await asked.erlang(leaderOf(queue)).catch(() => '')
      return NAMES.find((name) => text.includes(name))
    },
    isolate: async (name) => {
      const own = addresses.find((address) => address.name === name) as Address
      for (const other of addresses) if (other !== own) await drop(own, other)
      return async () => void (await run('iptables', ['-F', 'INPUT']))
    },
    together: async () => {
      for (const one of all) {
        const running = async () => {
          const text = await one.erlang('length(rabbit_nodes:all_running()).').catch(() => '')
          return text.trim() === String(all.length)
        }
        await until('three nodes that see each other', running, TOGETHER_WITHIN_MS)
      }
    },
  }
}

const leaderOf = (queue: string) =>
  `{ok, Q} = rabbit_amqqueue:lookup(rabbit_misc:r(<<"/">>, queue, <<"${queue}">>)),
   {Name, _} = amqqueue:get_pid(Q),
   case ra:members({Name, node()}, 2000) of {ok, _, {_, Leader}} -> Leader; _ -> none end.`

/** Whoever of the two has called the other: what they send, and what is answered. */
async function drop(a: Address, b: Address): Promise<void> {
  for (const [caller, called] of [
    [a, b],
    [b, a],
  ] as const) {
    const port = String(called.distPort)
    const rule = ['-A', 'INPUT', '-p', 'tcp', '-j', 'DROP']
    await run('iptables', [...rule, '-s', caller.from, '--dport', port])
    await run('iptables', [...rule, '-d', caller.from, '--sport', port])
  }
}
