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
  event.pathParameters = greedyAsSent(event)
  dropInventedHeaders(event)
  if (event.methodArn !== undefined) {
    const upToMethod = event.methodArn.split('/').slice(0, 3).join('/')
    event.methodArn = `${upToMethod}${event.path}`
    delete event.authorizationToken
    delete event.identitySource
  }
  return event
}

/** Path parameters are percent-encoded as they were sent; hapi decodes them. */
function greedyAsSent({ resource, path, pathParameters }: GatewayEvent) {
  const greedy = /\{(\w+)\+\}$/.exec(resource)
  const name = greedy?.[1]
  if (greedy === null || name === undefined) return pathParameters
  return { ...pathParameters, [name]: path.slice(greedy.index) }
}

/** serverless-offline adds headers that the client did not send. */
function dropInventedHeaders({ headers, multiValueHeaders }: GatewayEvent): void {
  for (const name of ['Content-Type', 'Content-Length']) {
    if (multiValueHeaders[name] === undefined) delete headers[name]
  }
}
