import type { Broker } from './broker.ts'

/**
 * Makes sure that a node killed from now on has all its queues again. It may forget new ones, and all
 * that was confirmed in them, for two reasons:
 * - Of what was declared last the log has what was to be done, at once, but only within two seconds
 *   that it was done. Without that the next start drops it: in 4 of 74 kills after 0.2 s (3.10).
 * - Which quorum queues there are is written down only when the table of their names has been idle for
 *   a while. Without that the next start takes a new one for empty ("name_not_registered", 3.10).
 */
export async function saveQueues(broker: Broker): Promise<void> {
  await broker.erlang('disk_log:sync(latest_log), [dets:sync(Table) || Table <- dets:all()].')
}
