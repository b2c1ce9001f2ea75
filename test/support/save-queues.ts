import type { Broker } from './broker.ts'

/**
 * Writes down which quorum queues there are. RabbitMQ 3.10 does so only when its table of their names
 * has been idle for a while; a node that is killed before takes each new quorum queue for an empty one
 * when it comes back, and all that was confirmed in it is gone ("name_not_registered").
 */
export async function saveQueueNames(broker: Broker): Promise<void> {
  await broker.erlang('[dets:sync(Table) || Table <- dets:all()].')
}
