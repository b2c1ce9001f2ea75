import type { IncomingMessage } from 'node:http'
import type { PublishRequest } from '#functions/publish/publish.ts'
import { after } from '#lib/after.ts'
import { bearerOf } from '#lib/auth/bearer.ts'
import { coversPart, type Principal } from '#lib/auth/grants.ts'
import type { TokenSet } from '#lib/auth/token-set.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { exchangeIn } from '#lib/http/path.ts'
import { type HttpRequest, valuesOf } from '#lib/http/request.ts'
import type { AnyResponse, HttpResponse } from '#lib/http/response.ts'
import { createRouter, ROUTES, type RouteName } from '#lib/http/routes.ts'
import { type BodyLimits, type HeldBody, readBody, refuseTooLarge } from './body.ts'
import type { Head } from './request.ts'

/** Answers a request of anybody. */
export type OpenRoute = (request: HttpRequest) => Promise<AnyResponse> | AnyResponse
/** Answers a request of a caller who is known. */
export type GuardedRoute = (request: PublishRequest) => Promise<HttpResponse>

/** A function for each route; one that is missing does not compile. */
export type Functions = Readonly<
  Record<RouteName, { readonly open: OpenRoute } | { readonly guarded: GuardedRoute }>
>

export interface AppOptions {
  readonly functions: Functions
  readonly tokens: TokenSet
  readonly limits: BodyLimits
}

/** What is decided by the head of a request alone; `answer` reads the body and runs the function. */
export interface Admitted {
  /** Whether the answer needs the body; without it the answer comes at once. */
  readonly readsBody: boolean
  answer(): Promise<AnyResponse>
}

export interface App {
  /**
   * Path, method, token, announced size, in this order, before a byte of the body is read.
   * @throws {WarrenError} invalid-request, not-found, method-not-allowed, unauthorized, body-too-large
   */
  admit(head: Head, incoming: IncomingMessage): Admitted | Promise<Admitted>
}

/** An answer within 8 s of the body's last byte is promised; the second is for the ways there and back. */
const ANSWER_MS = 7000
const TOKEN_MS = 800
const NOTHING = Buffer.alloc(0)
const NO_BODY: HeldBody = { body: NOTHING, release: () => {} }

/** The public interface of the gateway: the same functions as on Lambda, behind our own checks. */
export function createApp({ functions, tokens, limits }: AppOptions): App {
  const routeFor = createRouter(ROUTES)
  return {
    admit: (head, incoming) => {
      const name = routeFor(head.method, head.path)
      const route = functions[name]
      if ('open' in route) {
        // What needs no token reads no body either: nothing is held for strangers.
        return { readsBody: false, answer: async () => route.open({ ...head, body: NOTHING }) }
      }
      return after(authenticate(tokens, head), (principal) => {
        refuseTooLarge(incoming, limits.maxBytes)
        const readsBody = mayPublish(principal, head.path, ROUTES[name].path)
        const answer = async () => {
          const { body, release } = readsBody ? await readBody(incoming, limits) : NO_BODY
          const deadline = deadlineIn(ANSWER_MS)
          const { method, path, query, headers, requestId } = head
          // Member by member: V8 makes `{ ...head, body }` the slow way.
          const asked = { method, path, query, headers, requestId, body, principal, deadline }
          try {
            return await route.guarded(asked)
          } finally {
            release()
          }
        }
        return { readsBody, answer }
      })
    },
  }
}

/**
 * Whether a caller may publish anything at an address. If not, the function is asked without the body:
 * it refuses by the same rules, whatever that is.
 */
function mayPublish({ publish }: Principal, path: string, prefix: string): boolean {
  try {
    return coversPart(publish, exchangeIn(path, prefix))
  } catch {
    return false
  }
}

function authenticate(tokens: TokenSet, { headers }: Head): Principal | Promise<Principal> {
  const given = valuesOf(headers, 'authorization')
  const presented = bearerOf(given)
  const found = presented === undefined ? undefined : tokens.find(presented, deadlineIn(TOKEN_MS))
  return after(found, (token) => {
    if (token) return token
    // RFC 6750, 3.1: no error code when no token was given at all.
    throw given.length === 0
      ? new WarrenError('unauthorized')
      : new WarrenError('unauthorized', { headers: { 'www-authenticate': INVALID_TOKEN } })
  })
}

const INVALID_TOKEN = 'Bearer realm="warren", error="invalid_token"'
