import { fitsGlob, fitsTopic } from './patterns.ts'

/** Leave to publish. */
export interface Grant {
  /** Name of the exchange; `*` stands for any characters. */
  readonly exchange: string
  /** AMQP topic patterns; absent means every routing key. Never empty. */
  readonly routingKeys?: readonly string[]
}

/** A caller who is known, and what he may do. */
export interface Principal {
  readonly name: string
  readonly publish: readonly Grant[]
}

/** The broker's own exchanges; one of them must be granted by its full name. */
const RESERVED = /^amq\./

/** Whether one of the grants covers this destination. The default exchange is never covered. */
export const covers = (grants: readonly Grant[], exchange: string, routingKey: string): boolean =>
  exchange !== '' &&
  grants.some((grant) => coversExchange(grant.exchange, exchange) && coversKey(grant, routingKey))

/** Whether one of the grants covers the exchange with any routing key at all. */
export const coversPart = (grants: readonly Grant[], exchange: string): boolean =>
  exchange !== '' && grants.some((grant) => coversExchange(grant.exchange, exchange))

function coversExchange(glob: string, exchange: string): boolean {
  return RESERVED.test(exchange) ? glob === exchange : fitsGlob(glob, exchange)
}

function coversKey({ routingKeys }: Grant, routingKey: string): boolean {
  return routingKeys?.some((pattern) => fitsTopic(pattern, routingKey)) ?? true
}

/**
 * Grants as a short text, for the authorizer's context, where only texts fit: a list of lists,
 * exchange first, then its routing keys if it is limited to some.
 */
export const packGrants = (grants: readonly Grant[]): string =>
  JSON.stringify(grants.map(({ exchange, routingKeys = [] }) => [exchange, ...routingKeys]))

/** What {@link packGrants} packed; undefined for any other text. */
export function unpackGrants(packed: string): readonly Grant[] | undefined {
  const lists = parse(packed)
  if (!Array.isArray(lists) || !lists.every(isList)) return undefined
  return lists.map(([exchange, ...routingKeys]) =>
    routingKeys.length === 0 ? { exchange } : { exchange, routingKeys },
  )
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

const isList = (value: unknown): value is [string, ...string[]] =>
  Array.isArray(value) && value.length > 0 && value.every((item) => typeof item === 'string')
