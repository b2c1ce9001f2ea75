import type { HapiHandler, HapiRequest, HapiServer } from './hapi.ts'

const ANY = '*'
/** No route names this method, so that hapi looks among the ANY routes alone. */
const ONLY_ANY = 'only-any'

/**
 * A REST API has a resource for every path of a route and for every path above it. Each one that has
 * no ANY method gets a route for all methods that `missing` answers.
 */
export function completeResources(server: HapiServer, missing: HapiHandler): void {
  const routes = server.table()
  const withAny = new Set(routes.filter(({ method }) => method === ANY).map(({ path }) => path))
  const all = new Set(routes.flatMap(({ path }) => [path, ...above(path)]))
  for (const path of all) {
    if (withAny.has(path)) continue
    server.route({ method: ANY, path, handler: missing, options: { payload: { parse: false } } })
  }
}

/** `/a` and `/` for `/a/{b*}`. */
function above(path: string): string[] {
  const parts = path.split('/').slice(1, -1)
  return ['/', ...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)]
}

/**
 * Routes as a REST API: it finds the resource by the path as it was sent, then the method, and does
 * not go back to a less specific resource. hapi resolves dot segments, looks for the method first,
 * answers HEAD by GET and OPTIONS by itself, and lets `{name*}` stand for nothing.
 */
export function routeAsRestApi(server: HapiServer, request: HapiRequest): void {
  request.path = forRouting(sentPath(request))
  const resource = matchOf(server, ONLY_ANY, request.path)
  const route = matchOf(server, request.method, request.path)
  const declared = route?.method === request.method && route.path === resource?.path
  if (!declared) request.method = ONLY_ANY
}

/** Gives the function's event the path and the method that were sent. */
export function restoreRequest(request: HapiRequest): void {
  const { req } = request.raw
  request.path = sentPath(request)
  request.method = (req.method ?? '').toLowerCase()
  // serverless-offline finds the query by `new URL`, which takes what follows `//`, or `/\`, for a host.
  if (/^\/[/\\]/.test(req.url ?? '')) req.url = `http://localhost${req.url}`
}

/** The path as it was sent; other bytes than ASCII, which no URL may have, percent-encoded. */
function sentPath({ raw }: HapiRequest): string {
  const [path = '/'] = (raw.req.url ?? '/').split(/[?#]/, 1)
  return path.replace(/[^\x21-\x7e]/g, (byte) => `%${Buffer.from(byte, 'latin1').toString('hex')}`)
}

/** One trailing slash does not make another resource. */
const forRouting = (path: string) =>
  path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path

function matchOf(server: HapiServer, method: string, path: string) {
  try {
    return server.match(method, path)
  } catch {
    return null // It cannot be decoded: hapi refuses it.
  }
}
