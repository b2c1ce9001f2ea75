/** A REST API of API Gateway: what belongs to it, what of it was deployed, and its stages. */
export interface RestApi {
  readonly id: string
  readonly name: string
  readonly rootResourceId: string
  readonly binaryMediaTypes: readonly string[]
  /** As CloudFormation has them at the moment, by physical id. */
  readonly parts: Map<string, Part>
  /** By id: each is a copy of the parts as they were then. */
  readonly deployments: Map<string, ReadonlyMap<string, Part>>
  /** By name: the id of the deployment. */
  readonly stages: Map<string, string>
}

export interface Part {
  readonly type: string
  readonly properties: Readonly<Record<string, unknown>>
}

/** The parts of one type. */
export function partsOf<T>(parts: ReadonlyMap<string, Part>, type: string): (T & { id: string })[] {
  return [...parts]
    .filter(([, part]) => part.type === `AWS::ApiGateway::${type}`)
    .map(([id, { properties }]) => ({ id, ...(properties as T) }))
}

export interface ResourceProperties {
  readonly ParentId: string
  readonly PathPart: string
}

export interface MethodProperties {
  readonly HttpMethod: string
  readonly ResourceId: string
  readonly AuthorizationType: 'NONE' | 'CUSTOM'
  readonly AuthorizerId?: string
  readonly Integration: { readonly Type: string; readonly Uri: string }
}

export interface AuthorizerProperties {
  readonly Type: string
  readonly AuthorizerUri: string
  readonly IdentitySource: string
  readonly AuthorizerResultTtlInSeconds: number
}

export interface GatewayResponseProperties {
  readonly ResponseType: string
  readonly StatusCode?: string
  readonly ResponseParameters?: Readonly<Record<string, string>>
  readonly ResponseTemplates?: Readonly<Record<string, string>>
}
