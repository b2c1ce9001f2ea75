import { randomUUID } from 'node:crypto'

/**
 * A UUIDv7 (RFC 9562, 5.7): 48 bits of time, then 74 random bits. Ids of later milliseconds sort
 * after those of earlier ones.
 * @param nowMs since 1970, below 2^48
 */
export function uuidv7(nowMs: number = Date.now()): string {
  const time = nowMs.toString(16).padStart(12, '0')
  // A random UUID has its version at index 14; what follows is random but for the variant bits.
  return `${time.slice(0, 8)}-${time.slice(8)}-7${randomUUID().slice(15)}`
}
