import type { APIGatewayProxyEvent, APIGatewayRequestAuthorizerEvent, Context } from 'aws-lambda'
import { packGrants } from '#lib/auth/grants.ts'

/** Name and values, as API Gateway keeps them. */
type MultiValues = Readonly<Record<string, string[]>>

/** What a test says of an event. */
export interface EventOptions {
  readonly method?: string
  /** As sent. */
  readonly path?: string
  readonly resource?: string
  /** What the greedy parameter matched; as sent or decoded. */
  readonly matched?: string
  readonly headers?: MultiValues
  readonly query?: MultiValues
  readonly body?: Buffer | null
  readonly authorizer?: Readonly<Record<string, unknown>> | null
}

const ALLOWED = {
  principal: 'tester',
  grants: packGrants([{ exchange: '*' }]),
  principalId: 'tester',
}

/** An event of a REST API; if nothing else is said, `x` posted to the exchange `orders` by a known caller. */
export function restEvent(options: EventOptions = {}): APIGatewayProxyEvent {
  const { method = 'POST', path = '/publish/orders', resource = '/publish/{exchange+}' } = options
  const { headers = {}, query, body = Buffer.from('x'), authorizer = ALLOWED } = options
  const [prefix = '', name] = resource.split(/[{+}]/)
  const matched = options.matched ?? path.slice(prefix.length)
  return {
    httpMethod: method,
    path,
    resource,
    pathParameters: name === undefined ? null : { [name]: matched },
    headers: lastOf(headers),
    multiValueHeaders: headers,
    queryStringParameters: query === undefined ? null : lastOf(query),
    multiValueQueryStringParameters: query ?? null,
    body: body === null ? null : body.toString('base64'),
    isBase64Encoded: body !== null,
    stageVariables: null,
    requestContext: { requestId: 'request-1', authorizer },
  } as unknown as APIGatewayProxyEvent
}

const METHOD_ARN = 'arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/dev/POST/publish/orders'

/** What a REST API asks its authorizer. */
export function authorizerEvent(headers: MultiValues): APIGatewayRequestAuthorizerEvent {
  return {
    type: 'REQUEST',
    methodArn: METHOD_ARN,
    httpMethod: 'POST',
    path: '/publish/orders',
    resource: '/publish/{exchange+}',
    headers: lastOf(headers),
    multiValueHeaders: headers,
    requestContext: { requestId: 'request-1' },
  } as unknown as APIGatewayRequestAuthorizerEvent
}

/** Lambda's context of a function with `remainingMs` to go. */
export const lambdaContext = (remainingMs = 10_000): Context =>
  ({ getRemainingTimeInMillis: () => remainingMs }) as unknown as Context

const lastOf = (values: MultiValues) =>
  Object.fromEntries(Object.entries(values).map(([name, list]) => [name, list.at(-1)]))
