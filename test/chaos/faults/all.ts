import type { Fault } from '../fault.ts'
import type { Subject } from '../world.ts'
import { BROKER_FAULTS } from './broker.ts'
import { linkFaults } from './links.ts'
import { processFaults } from './processes.ts'
import { TOPOLOGY_FAULTS } from './topology.ts'

/** Every fault that this subject can meet. */
export const faultsFor = (subject: Subject): Fault[] => [
  ...processFaults(subject),
  ...linkFaults(subject),
  ...BROKER_FAULTS,
  ...(subject.repairs ? TOPOLOGY_FAULTS : []),
]
