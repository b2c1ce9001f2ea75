import { invoke, type Outcome } from '../functions.ts'
import { matches } from '../policy.ts'
import { methodArn, type Request } from './events.ts'
import type { GatewayResponseType } from './gateway-responses.ts'
import type { Deployed } from './routing.ts'

/** API Gateway answers by itself. */
export class Refused extends Error {
  readonly type: GatewayResponseType

  constructor(type: GatewayResponseType) {
    super(type)
    this.type = type
  }
}

/** `arn:aws:apigateway:<region>:lambda:path/2015-03-31/functions/<function>/invocations` */
const FUNCTION =
  /^arn:aws:apigateway:[\w-]+:lambda:path\/2015-03-31\/functions\/arn:.+:function:([\w-]+)\/invocations$/

/** Invokes the function behind a URI, if it lets API Gateway do so. @throws {Refused} */
export async function invokeByApi(
  deployed: Deployed,
  request: Request,
  uri: string,
  event: unknown,
): Promise<Outcome> {
  const { account } = deployed
  const name = FUNCTION.exec(uri)?.[1] ?? ''
  const found = account.functions.get(name)
  const source = methodArn(deployed, request)
  const mayInvoke = [...account.permissions.values()].some(
    ({ functionName, principal, sourceArn }) =>
      functionName === name &&
      principal === 'apigateway.amazonaws.com' &&
      matches(sourceArn, source),
  )
  if (found === undefined || !mayInvoke) throw new Refused('API_CONFIGURATION_ERROR')
  return invoke(found, event)
}
