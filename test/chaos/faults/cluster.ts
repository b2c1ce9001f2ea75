import { setTimeout as sleep } from 'node:timers/promises'
import type { Broker } from '../../support/broker.ts'
import { until } from '../../support/until.ts'
import type { Cluster } from '../cluster.ts'
import { type Draw, type Fault, NothingHappened } from '../fault.ts'
import type { World } from '../world.ts'
import { startAgain } from './processes.ts'

/** Raft notices a dead leader in seconds, also where three nodes share a busy core. */
const ELECTED_WITHIN_MS = 30_000

/** Until a node that comes back is one of three again. */
const NODE_BACK_S = 20

/** Takes the leader of a queue away, sees that another one leads, and brings it back. */
const withoutLeader =
  (
    cluster: Cluster,
    away: (name: string) => Promise<() => Promise<void>>,
  ): ((world: World, draw: Draw) => Promise<string>) =>
  async ({ nodes, subject }, { pick, seconds }) => {
    const { entry } = pick(subject.lanes)
    const before = await cluster.leader(entry, nodes.all[0] as Broker)
    if (before === undefined) throw new NothingHappened(`${entry} had no leader`)
    const other = nodes.all.find((broker) => broker !== cluster.broker(before)) as Broker
    const back = await away(before)
    let after: string | undefined
    const isElected = async () => {
      after = await cluster.leader(entry, other)
      return after !== undefined && after !== before
    }
    try {
      await until('another leader', isElected, ELECTED_WITHIN_MS).catch(() => {
        throw new NothingHappened(`${before} went on leading ${entry}`)
      })
      await sleep(seconds * 1000)
    } finally {
      await back()
    }
    await cluster.together()
    return `${entry}: ${after} leads in place of ${before}`
  }

/** What only a cluster can suffer. */
export const clusterFaults = (cluster: Cluster): Fault[] => [
  {
    name: 'leader killed',
    takesS: NODE_BACK_S,
    happen: withoutLeader(cluster, async (name) => {
      const broker = cluster.broker(name)
      await broker.kill()
      return () => startAgain(broker)
    }),
  },
  {
    name: 'leader partitioned away',
    takesS: NODE_BACK_S,
    happen: withoutLeader(cluster, cluster.isolate),
  },
  {
    name: 'rolling restart of the nodes',
    takesS: 3 * NODE_BACK_S,
    happen: async ({ nodes }) => {
      for (const broker of nodes.all) {
        await broker.stop()
        await startAgain(broker)
        await cluster.together()
      }
      return `${nodes.all.length} nodes ended in order and came back`
    },
  },
]
