import { WarrenError } from '#lib/errors.ts'
import { decodePath } from './path.ts'

/** One address that Warren answers at. */
export interface Route {
  /** Ends in `/` when the name of an exchange or a code follows. */
  readonly path: string
  readonly methods: readonly string[]
}

/** Every route of the public interface; anything else is 404, another method on them 405. */
export const ROUTES = {
  health: { path: '/health', methods: ['GET'] },
  publish: { path: '/publish/', methods: ['POST'] },
  batch: { path: '/batch/', methods: ['POST'] },
  openapi: { path: '/openapi.json', methods: ['GET'] },
  problems: { path: '/problems/', methods: ['GET'] },
} as const satisfies Record<string, Route>

export type RouteName = keyof typeof ROUTES

/**
 * Which route a request is for; path first, then method, as the contract orders them.
 * @throws {WarrenError} invalid-request (the path, see {@link decodePath}), not-found,
 * method-not-allowed (with `Allow`)
 */
export function routeFor(method: string, rawPath: string): RouteName {
  decodePath(rawPath)
  const name = (Object.keys(ROUTES) as RouteName[]).find((key) => matches(ROUTES[key], rawPath))
  if (name === undefined) throw new WarrenError('not-found')
  const { methods }: Route = ROUTES[name]
  if (methods.includes(method)) return name
  throw new WarrenError('method-not-allowed', { headers: { allow: methods.join(', ') } })
}

/** By the raw path, as API Gateway and nginx's `$request_uri` see it: `/he%61lth` is no route. */
function matches({ path }: Route, raw: string): boolean {
  if (!path.endsWith('/')) return raw.replace(/\/$/, '') === path
  return raw.startsWith(path) && raw.length > path.length
}
