import type { Statement } from '../account.ts'
import type { Outcome } from '../functions.ts'
import { allows } from '../policy.ts'
import { authorizerEvent, methodArn, type Request } from './events.ts'
import { invokeByApi, Refused } from './invoke.ts'
import type { Deployed, Route } from './routing.ts'

interface Decision {
  readonly principalId: string
  readonly policyDocument: { readonly Statement: readonly Statement[] }
  readonly context?: Readonly<Record<string, unknown>>
}

/** What authorizers said, by authorizer and identity, until when (ms): reused for every route. */
const cache = new Map<string, { readonly until: number; readonly decision: Decision }>()

const HEADER = /^method\.request\.header\.([\w-]+)$/

/**
 * Asks the route's authorizer who the caller is, or what it said before.
 * @returns what the function gets of it; undefined where there is no authorizer
 * @throws {Refused} the caller may not pass
 */
export async function authorizationOf(
  deployed: Deployed,
  route: Route,
  request: Request,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { authorizer } = route
  if (authorizer === undefined) return undefined
  const [, name = ''] = HEADER.exec(authorizer.IdentitySource) ?? []
  const identity = request.incoming.headers[name.toLowerCase()]
  // Without the identity's source nobody is asked.
  if (!identity) throw new Refused('UNAUTHORIZED')
  const decision = await decisionFor(deployed, route, request, `${authorizer.id} ${identity}`)
  const { principalId, policyDocument, context = {} } = decision
  if (!allows(policyDocument.Statement, 'execute-api:Invoke', methodArn(deployed, request))) {
    throw new Refused('ACCESS_DENIED')
  }
  return { ...context, principalId }
}

async function decisionFor(deployed: Deployed, route: Route, request: Request, key: string) {
  const known = cache.get(key)
  if (known !== undefined && known.until > Date.now()) return known.decision
  const decision = decide(await ask(deployed, route, request))
  const ttlS = route.authorizer?.AuthorizerResultTtlInSeconds ?? 0
  cache.set(key, { until: Date.now() + ttlS * 1000, decision })
  return decision
}

function ask(deployed: Deployed, route: Route, request: Request): Promise<Outcome> {
  const event = authorizerEvent(deployed, route, request)
  return invokeByApi(deployed, request, route.authorizer?.AuthorizerUri ?? '', event)
}

/** Only the error `Unauthorized` is a 401; another one, and what is no decision, is a fault of ours. */
function decide({ result, error }: Outcome): Decision {
  if (error !== undefined) {
    throw new Refused(error.errorMessage === 'Unauthorized' ? 'UNAUTHORIZED' : 'AUTHORIZER_FAILURE')
  }
  if (!isDecision(result)) throw new Refused('AUTHORIZER_CONFIGURATION_ERROR')
  const { context = {} } = result
  const texts = Object.entries(context).map(([key, value]) => [key, String(value)])
  return { ...result, context: Object.fromEntries(texts) }
}

function isDecision(result: unknown): result is Decision {
  if (typeof result !== 'object' || result === null) return false
  const { principalId, policyDocument, context = {} } = result as Partial<Decision>
  const scalars = Object.values(context).every((value) => typeof value !== 'object')
  return typeof principalId === 'string' && policyDocument !== undefined && scalars
}
