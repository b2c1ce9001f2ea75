/** An event of a REST API, as serverless-offline makes it. */
export interface GatewayEvent {
  readonly type?: string
  /** The path's template, e.g. `/publish/{exchange+}`. */
  resource: string
  readonly path: string
  methodArn?: string
  authorizationToken?: string
  identitySource?: string
  readonly headers: Record<string, string>
  readonly multiValueHeaders: Readonly<Record<string, unknown>>
  pathParameters: Record<string, string> | null
  readonly requestContext: {
    readonly identity?: object
    readonly stage: string
    path: string
    resourcePath: string
  }
}

/** For a function behind a proxy integration. */
export const isProxyEvent = (event: unknown): event is GatewayEvent =>
  hasRequestContext(event) && event.requestContext.identity !== undefined

/** For an authorizer of the type REQUEST. */
export const isAuthorizerEvent = (event: unknown): event is GatewayEvent =>
  hasRequestContext(event) && event.type === 'REQUEST'

const hasRequestContext = (event: unknown): event is GatewayEvent =>
  typeof event === 'object' && event !== null && 'requestContext' in event && 'resource' in event

/**
 * Changes it into what AWS sends, as far as a function could see the difference. In place:
 * serverless-offline compares an authorizer's policy with the event's methodArn afterwards.
 */
export function toAwsEvent(event: GatewayEvent): GatewayEvent {
  event.resource = event.resource.replace('*}', '+}')
  event.requestContext.resourcePath = event.resource
  event.requestContext.path = `/${event.requestContext.stage}${event.path}`
  event.pathParameters = parametersAsSent(event)
  dropInventedHeaders(event)
  if (event.methodArn !== undefined) {
    const upToMethod = event.methodArn.split('/').slice(0, 3).join('/')
    event.methodArn = `${upToMethod}${event.path}`
    delete event.authorizationToken
    delete event.identitySource
  }
  return event
}

/** Path parameters, percent-encoded as they were sent; hapi decodes them. */
function parametersAsSent({ resource, path }: GatewayEvent): Record<string, string> | null {
  const sent = path.split('/')
  const parameters = resource.split('/').flatMap((segment, i) => {
    const [, name, greedy] = /^\{(\w+)(\+?)\}$/.exec(segment) ?? []
    if (name === undefined) return []
    return [[name, greedy ? sent.slice(i).join('/') : (sent[i] ?? '')]]
  })
  return parameters.length === 0 ? null : Object.fromEntries(parameters)
}

/** serverless-offline adds headers that the client did not send. */
function dropInventedHeaders({ headers, multiValueHeaders }: GatewayEvent): void {
  for (const name of ['Content-Type', 'Content-Length']) {
    if (multiValueHeaders[name] === undefined) delete headers[name]
  }
}
