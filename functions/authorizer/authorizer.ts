import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import { bearerOf } from '#lib/auth/bearer.ts'
import { type Principal, packGrants } from '#lib/auth/grants.ts'
import type { TokenSet } from '#lib/auth/token-set.ts'
import { deadlineIn } from '#lib/deadline.ts'
import type { Log } from '#lib/log.ts'

export interface AuthorizerDeps {
  readonly tokens: Pick<TokenSet, 'find'>
  readonly log: Log
}

/** An answer is due after this, the reading of a secret included; the caller still waits for his own. */
const DEADLINE_MS = 800

/**
 * Decides who a caller is, and never where he may publish: API Gateway reuses the answer for every
 * route. So it allows the whole API, with name and grants in the context (texts only), or throws the
 * error `Unauthorized`, which API Gateway answers with 401; a Deny would be a 403 for a known caller.
 */
export const createAuthorizer =
  ({ tokens, log }: AuthorizerDeps) =>
  async (event: APIGatewayRequestAuthorizerEvent): Promise<APIGatewayAuthorizerResult> => {
    const presented = bearerOf(authorizationOf(event))
    const deadline = deadlineIn(DEADLINE_MS)
    const found = presented && (await tokens.find(presented, deadline))
    if (found) return allow(found, event.methodArn)
    const { requestId } = event.requestContext
    log.info({ requestId, outcome: 'not-published' }, 'caller refused')
    throw new Error('Unauthorized')
  }

/** Every value, however its name is spelled: `multiValueHeaders` keeps the caller's spelling. */
function authorizationOf(event: APIGatewayRequestAuthorizerEvent): readonly string[] {
  const all = Object.entries(event.multiValueHeaders ?? {})
  return all
    .filter(([name]) => name.toLowerCase() === 'authorization')
    .flatMap(([, values]) => values ?? [])
}

/** @param methodArn `arn:aws:execute-api:<region>:<account>:<api>/<stage>/<method>/<path>` */
function allow({ name, publish }: Principal, methodArn: string): APIGatewayAuthorizerResult {
  const [api, stage] = methodArn.split('/')
  const Resource = `${api}/${stage}/*`
  return {
    principalId: name,
    policyDocument: {
      Version: '2012-10-17',
      Statement: [{ Action: 'execute-api:Invoke', Effect: 'Allow', Resource }],
    },
    context: { principal: name, grants: packGrants(publish) },
  }
}
