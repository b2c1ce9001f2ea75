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
  docs: { path: '/docs', methods: ['GET'] },
  docsAsset: { path: '/docs/', methods: ['GET'] },
} as const satisfies Record<string, Route>

export type RouteName = keyof typeof ROUTES

/** API Gateway has one more, behind the authorizer; the gateway has it on its admin port. */
export const REST_API_ROUTES = {
  ...ROUTES,
  ready: { path: '/health/ready', methods: ['GET'] },
} as const satisfies Record<string, Route>

/**
 * Which route a request is for; path first, then method, as the contract orders them.
 * @throws {WarrenError} invalid-request (the path, see {@link decodePath}), not-found,
 * method-not-allowed (with `Allow`)
 */
export type Router<Name> = (method: string, rawPath: string) => Name

/** @param routes those of the shell */
export function createRouter<Name extends string>(
  routes: Readonly<Record<Name, Route>>,
): Router<Name> {
  const all = Object.entries<Route>(routes) as [Name, Route][]
  return (method, rawPath) => {
    decodePath(rawPath)
    const found = all.find(([, route]) => matches(route, rawPath))
    if (found === undefined) throw new WarrenError('not-found')
    const [name, { methods }] = found
    if (methods.includes(method)) return name
    throw new WarrenError('method-not-allowed', { headers: { allow: methods.join(', ') } })
  }
}

/** By the raw path, as API Gateway and nginx's `$request_uri` see it: `/he%61lth` is no route. */
function matches({ path }: Route, raw: string): boolean {
  if (!raw.startsWith(path)) return false
  if (path.endsWith('/')) return raw.length > path.length
  return raw.length === path.length || raw.slice(path.length) === '/'
}
