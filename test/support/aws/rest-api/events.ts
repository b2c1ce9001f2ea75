import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { Deployed, Route } from './routing.ts'

/** A request that was read. */
export interface Request {
  readonly incoming: IncomingMessage
  /** Without the stage, percent-encoded. */
  readonly path: string
  readonly query: URLSearchParams
  readonly body: Buffer
  readonly requestId: string
}

export const newRequestId = (): string => randomUUID()

/** The event of a proxy integration, payload 1.0. */
export function proxyEvent(
  { account, apiId, stage, binary }: Deployed,
  { resourceId, template, pathParameters }: Route,
  { incoming, path, query, body, requestId }: Request,
  authorizer: Readonly<Record<string, unknown>> | undefined,
) {
  const { method: httpMethod = '' } = incoming
  return {
    resource: template,
    path,
    httpMethod,
    ...headersOf(incoming),
    ...queryOf(query),
    pathParameters,
    stageVariables: null,
    requestContext: {
      accountId: account.id,
      apiId,
      resourceId,
      resourcePath: template,
      httpMethod,
      path: `/${stage}${path}`,
      stage,
      requestId,
      requestTimeEpoch: Date.now(),
      protocol: 'HTTP/1.1',
      identity: {
        sourceIp: incoming.socket.remoteAddress ?? '',
        userAgent: incoming.headers['user-agent'] ?? null,
      },
      ...(authorizer === undefined ? {} : { authorizer }),
    },
    body: body.length === 0 ? null : body.toString(binary ? 'base64' : 'utf8'),
    isBase64Encoded: binary && body.length > 0,
  }
}

/** The event of an authorizer of the type REQUEST. */
export function authorizerEvent(deployed: Deployed, route: Route, request: Request) {
  const { body: _, isBase64Encoded: __, ...event } = proxyEvent(deployed, route, request, undefined)
  return { type: 'REQUEST', methodArn: methodArn(deployed, request), ...event }
}

/** What a policy of an authorizer, and a permission of a function, is about. */
export function methodArn(
  { account, apiId, stage }: Deployed,
  { incoming, path }: Request,
): string {
  const { region, id } = account
  return `arn:aws:execute-api:${region}:${id}:${apiId}/${stage}/${incoming.method}${path}`
}

/** Every value, and of each name the last one, in the caller's spelling. */
function headersOf({ rawHeaders }: IncomingMessage) {
  const multiValueHeaders: Record<string, string[]> = {}
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name = '', value = ''] = rawHeaders.slice(i, i + 2)
    multiValueHeaders[name] = [...(multiValueHeaders[name] ?? []), value]
  }
  return { headers: lastOf(multiValueHeaders), multiValueHeaders }
}

function queryOf(query: URLSearchParams) {
  const names = [...new Set(query.keys())]
  if (names.length === 0) {
    return { queryStringParameters: null, multiValueQueryStringParameters: null }
  }
  const all = Object.fromEntries(names.map((name) => [name, query.getAll(name)]))
  return { queryStringParameters: lastOf(all), multiValueQueryStringParameters: all }
}

const lastOf = (all: Readonly<Record<string, readonly string[]>>) =>
  Object.fromEntries(Object.entries(all).map(([name, values]) => [name, values.at(-1)]))
