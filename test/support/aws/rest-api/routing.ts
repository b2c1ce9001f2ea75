import type { Account } from '../account.ts'
import {
  type AuthorizerProperties,
  type MethodProperties,
  type Part,
  partsOf,
  type ResourceProperties,
} from './api.ts'

/** What is deployed on a stage of an API. */
export interface Deployed {
  readonly account: Account
  readonly apiId: string
  readonly rootResourceId: string
  readonly stage: string
  readonly parts: ReadonlyMap<string, Part>
  readonly binary: boolean
}

/** The resource and the method that a request is for. */
export interface Route {
  readonly resourceId: string
  /** e.g. `/publish/{exchange+}` */
  readonly template: string
  /** As they were sent: percent-encoded. */
  readonly pathParameters: Readonly<Record<string, string>> | null
  readonly method: MethodProperties
  readonly authorizer: (AuthorizerProperties & { readonly id: string }) | undefined
}

/**
 * Routes as a REST API does: the resource first (a literal segment before a parameter before a greedy
 * one), then its method or its ANY; it never goes back to a less specific resource.
 */
export function routeOf(deployed: Deployed, method: string, path: string): Route | undefined {
  const { parts, rootResourceId } = deployed
  const segments = path.replace(/\/$/, '').split('/').slice(1)
  const resources = partsOf<ResourceProperties>(parts, 'Resource')
  const found = descend(resources, rootResourceId, segments, {
    resourceId: rootResourceId,
    template: '/',
    pathParameters: {},
  })
  if (found === undefined) return undefined
  const methods = partsOf<MethodProperties>(parts, 'Method').filter(
    ({ ResourceId }) => ResourceId === found.resourceId,
  )
  const chosen =
    methods.find(({ HttpMethod }) => HttpMethod === method) ??
    methods.find(({ HttpMethod }) => HttpMethod === 'ANY')
  if (chosen === undefined) return undefined
  const authorizers = partsOf<AuthorizerProperties>(parts, 'Authorizer')
  const authorizer = authorizers.find(({ id }) => id === chosen.AuthorizerId)
  if (chosen.AuthorizationType === 'CUSTOM' && authorizer === undefined) {
    throw new Error(`the authorizer of ${found.template} was not deployed`)
  }
  const none = Object.keys(found.pathParameters).length === 0
  return {
    ...found,
    pathParameters: none ? null : found.pathParameters,
    method: chosen,
    authorizer,
  }
}

interface Found {
  readonly resourceId: string
  readonly template: string
  readonly pathParameters: Readonly<Record<string, string>>
}

type Resource = ResourceProperties & { readonly id: string }

function descend(
  resources: readonly Resource[],
  parent: string,
  segments: readonly string[],
  at: Found,
): Found | undefined {
  const [segment, ...rest] = segments
  if (segment === undefined) return at
  const children = resources.filter(({ ParentId }) => ParentId === parent)
  for (const child of children.toSorted(bySpecificity)) {
    const [, name, greedy] = /^\{(\w+)(\+?)\}$/.exec(child.PathPart) ?? []
    if (name === undefined && child.PathPart !== segment) continue
    const value = greedy ? segments.join('/') : segment
    if (value === '') continue
    const next: Found = {
      resourceId: child.id,
      template: `${at.template.replace(/\/$/, '')}/${child.PathPart}`,
      pathParameters:
        name === undefined ? at.pathParameters : { ...at.pathParameters, [name]: value },
    }
    const found = greedy ? next : descend(resources, child.id, rest, next)
    if (found !== undefined) return found
  }
  return undefined
}

const rank = ({ PathPart }: Resource) =>
  PathPart.endsWith('+}') ? 2 : PathPart.startsWith('{') ? 1 : 0
const bySpecificity = (a: Resource, b: Resource) => rank(a) - rank(b)
