import type { Delivery } from '#lib/amqp/consumer.ts'
import { deliveryCountOf } from './copy.ts'

const SUSPICIOUS_DELIVERIES = 5

/**
 * Whether a message was delivered so often that it may be what ends the relay each time: half the
 * deliveries that it has, 5 at most. Classic queues do not count.
 * @param ownCloses deliveries that ended because this process closed the channel, for other reasons
 */
export function isSuspicious(
  { redelivered, properties }: Delivery,
  deliveryLimit: number,
  ownCloses: number,
): boolean {
  const enough = Math.min(SUSPICIOUS_DELIVERIES, Math.ceil(deliveryLimit / 2))
  return redelivered && deliveryCountOf(properties) - ownCloses >= enough
}
