import type {
  APIGatewayAuthorizerResult,
  APIGatewayProxyEvent,
  APIGatewayRequestAuthorizerEvent,
} from 'aws-lambda'

/** Gives back the event that it was called with. */
export const echo = async (event: APIGatewayProxyEvent) => ({
  statusCode: 200,
  headers: { 'content-type': 'application/json', 'www-authenticate': 'Basic' },
  body: JSON.stringify(event),
})

const never = new Promise<never>(() => {})

const FAULTS: Readonly<Record<string, () => unknown>> = {
  throws: () => {
    throw new Error('a function that throws')
  },
  'throws-a-status': () => {
    throw new Error('[200] looks like an answer')
  },
  'never-answers': () => never,
  nothing: () => undefined,
  text: () => 'garbage',
  'no-status': () => ({ body: '{}' }),
  'bad-status': () => ({ statusCode: 'ok', body: '{}' }),
  'object-body': () => ({ statusCode: 200, body: { ok: true } }),
}

/** Names of all the ways in which {@link fault} misbehaves. */
export const FAULT_NAMES: readonly string[] = Object.keys(FAULTS)

/** Misbehaves in the way that the path names. */
export const fault = async (event: APIGatewayProxyEvent) =>
  FAULTS[event.pathParameters?.['kind'] ?? '']?.()

/** Allows, denies or misbehaves as the token says; the context holds the event. */
export const authorizer = async (
  event: APIGatewayRequestAuthorizerEvent,
): Promise<APIGatewayAuthorizerResult> => {
  const token = event.headers?.['Authorization']
  if (token === 'unauthorized') throw new Error('Unauthorized')
  if (token === 'crash') throw new Error('crash')
  if (token === 'nonsense') return {} as APIGatewayAuthorizerResult
  return {
    principalId: 'somebody',
    policyDocument: {
      Version: '2012-10-17',
      Statement: [
        {
          Action: 'execute-api:Invoke',
          Effect: token === 'deny' ? 'Deny' : 'Allow',
          Resource: event.methodArn,
        },
      ],
    },
    context: { seen: JSON.stringify(event) },
  }
}
