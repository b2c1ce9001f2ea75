import { coversPart } from '#lib/auth/grants.ts'
import { WarrenError } from '#lib/errors.ts'
import { exchangeIn } from '#lib/http/path.ts'
import type { Facts } from '#lib/http/respond.ts'
import type { PublishRequest } from './publish.ts'

/**
 * The exchange that a request is for, once it is certain that its caller may publish something there.
 * Nothing of the body is looked at but its length: the gateway asks before there is one.
 * @param prefix of the route
 * @throws {WarrenError} not-found, invalid-request (the path); body-too-large; forbidden-destination
 */
export function destinationOf(
  { path, body, principal }: PublishRequest,
  prefix: string,
  maxBytes: number,
  facts: Facts,
): string {
  const exchange = exchangeIn(path, prefix)
  facts.exchange = exchange
  if (body.length > maxBytes) throw new WarrenError('body-too-large', { maxBytes })
  if (coversPart(principal.publish, exchange)) return exchange
  throw new WarrenError('forbidden-destination')
}
