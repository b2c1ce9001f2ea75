import { createHash } from 'node:crypto'

/** An AMQP short string. */
const MAX_BYTES = 255
const DEAD = '.dead'

/**
 * The staging queue between an exchange and a destination. The same names always give the same queue;
 * what would not fit is replaced by its hash.
 */
export const stagingName = (exchange: string, destination: string): string =>
  fitting(`relay.${exchange}.${destination}`, MAX_BYTES - DEAD.length)

/** The queue where a staging queue's poison is parked. */
export const deadLetterName = (stagingQueue: string): string =>
  `${fitting(stagingQueue, MAX_BYTES - DEAD.length)}${DEAD}`

function fitting(name: string, maxBytes: number): string {
  if (Buffer.byteLength(name) <= maxBytes) return name
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 32)
  let kept = name
  while (Buffer.byteLength(kept) > maxBytes - hash.length - 1) kept = kept.slice(0, -1)
  // A surrogate pair that was cut in half would be encoded as a replacement character.
  return `${kept.replace(/[\uD800-\uDBFF]$/, '')}.${hash}`
}
