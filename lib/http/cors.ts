import { type HttpRequest, valuesOf } from './request.ts'
import type { HttpResponse } from './response.ts'
import { ROUTES, type Route } from './routes.ts'

type Asked = Pick<HttpRequest, 'method' | 'path' | 'headers'>

/** Lets pages of the named origins call Warren from a browser; without any, nothing is added. */
export interface Cors {
  /** The answer to a browser's question before it sends a request; undefined when it is none. */
  preflight(request: Asked): HttpResponse | undefined
  /** The answer with what lets the browser hand it to the page. */
  allow<Body extends string | Buffer>(
    request: Pick<HttpRequest, 'headers'>,
    response: HttpResponse<Body>,
  ): HttpResponse<Body>
}

/** Seconds for which a browser may remember the answer; Chromium keeps none longer than two hours. */
const MAX_AGE_S = 600

/** @param origins e.g. `https://app.example.com`; `*` alone means all. Never with credentials: a token is no cookie. */
export function createCors(origins: readonly string[]): Cors {
  const originOf = ({ headers }: Pick<HttpRequest, 'headers'>) => {
    const [origin] = valuesOf(headers, 'origin')
    const known = origin !== undefined && (origins.includes('*') || origins.includes(origin))
    return known ? origin : undefined
  }
  const allowed = (origin: string) => ({
    'access-control-allow-origin': origin,
    'access-control-expose-headers': 'Retry-After, WWW-Authenticate, Allow',
    vary: 'Origin',
  })
  return {
    preflight: (request) => {
      const origin = originOf(request)
      const asked = valuesOf(request.headers, 'access-control-request-method')
      if (request.method !== 'OPTIONS' || origin === undefined || asked.length !== 1)
        return undefined
      const names = valuesOf(request.headers, 'access-control-request-headers').join(', ')
      const headers = {
        ...allowed(origin),
        'access-control-allow-methods': methodsAt(request.path).join(', '),
        ...(names === '' ? {} : { 'access-control-allow-headers': names }),
        'access-control-max-age': String(MAX_AGE_S),
        'cache-control': 'no-store',
      }
      return { status: 204, headers, body: '' }
    },
    allow: (request, response) => {
      const origin = originOf(request)
      if (origin === undefined) return response
      const { headers } = response
      const vary = [...(headers['vary'] === undefined ? [] : [headers['vary']]), 'Origin']
      const own = { ...allowed(origin), vary: vary.join(', ') }
      return { ...response, headers: { ...headers, ...own } }
    },
  }
}

function methodsAt(path: string): readonly string[] {
  const routes: readonly Route[] = Object.values(ROUTES)
  return routes.find((route) => path.startsWith(route.path))?.methods ?? ['GET', 'POST']
}
