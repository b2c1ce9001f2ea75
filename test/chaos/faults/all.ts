import type { Fault } from '../fault.ts'
import type { World } from '../world.ts'
import { BROKER_FAULTS } from './broker.ts'
import { clusterFaults } from './cluster.ts'
import { linkFaults } from './links.ts'
import { processFaults } from './processes.ts'
import { TOPOLOGY_FAULTS } from './topology.ts'

/** Every fault that this subject can meet on these nodes. */
export const faultsFor = ({ subject, nodes }: Pick<World, 'subject' | 'nodes'>): Fault[] => [
  ...processFaults(subject),
  ...linkFaults(subject),
  ...BROKER_FAULTS,
  ...(subject.repairs ? TOPOLOGY_FAULTS : []),
  ...(nodes.cluster ? clusterFaults(nodes.cluster) : []),
]
