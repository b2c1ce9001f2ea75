import { readHttp } from '#lib/config.ts'
import { type ProblemCode, type ProblemContext, WarrenError } from '#lib/errors.ts'
import { createCors } from '#lib/http/cors.ts'
import { problemResponse } from '#lib/http/problem.ts'
import type { HttpResponse } from '#lib/http/response.ts'
import { REST_API, type Resource, type Resources, ref } from './cloudformation.ts'

/** What API Gateway says by itself, in the words of the status table. */
interface Answer {
  readonly code: ProblemCode
  /** `any`: the type stands for several statuses, keeps each, and names none. @default the table's */
  readonly status?: number | 'any'
  readonly context?: ProblemContext
}

/**
 * Every response type that there is but those of features that the API does not use (API keys, IAM
 * authorization). Source: API Gateway's developer guide, "Gateway response types", and for Lambda's
 * errors (DEFAULT_5XX) AWS re:Post "malformed-502-api-gateway".
 */
const ANSWERS: Readonly<Record<string, Answer>> = {
  UNAUTHORIZED: { code: 'unauthorized' },
  // Never the authorizer's doing: it allows or is UNAUTHORIZED.
  ACCESS_DENIED: { code: 'forbidden-address' },
  WAF_FILTERED: { code: 'forbidden-address' },
  MISSING_AUTHENTICATION_TOKEN: { code: 'not-found' },
  RESOURCE_NOT_FOUND: { code: 'not-found' },
  // The functions' own limit: a body that passes it is refused by them in the same words.
  REQUEST_TOO_LARGE: {
    code: 'body-too-large',
    context: { maxBytes: readHttp({}).maxBodyBytes },
  },
  UNSUPPORTED_MEDIA_TYPE: { code: 'unsupported-media-type' },
  THROTTLED: { code: 'rate-limited' },
  QUOTA_EXCEEDED: { code: 'rate-limited' },
  BAD_REQUEST_BODY: { code: 'invalid-request' },
  BAD_REQUEST_PARAMETERS: { code: 'invalid-request' },
  AUTHORIZER_FAILURE: { code: 'internal' },
  AUTHORIZER_CONFIGURATION_ERROR: { code: 'internal' },
  API_CONFIGURATION_ERROR: { code: 'internal' },
  INTEGRATION_FAILURE: { code: 'gateway-lost', status: 502 },
  INTEGRATION_TIMEOUT: { code: 'gateway-lost', status: 504 },
  DEFAULT_4XX: { code: 'invalid-request', status: 'any' },
  DEFAULT_5XX: { code: 'gateway-lost', status: 'any' },
}

/**
 * Makes API Gateway's own answers problem details (RFC 9457) like all others.
 * @param corsOrigins whose pages may read them in a browser
 */
export const gatewayResponses = (corsOrigins: readonly string[]): Resources =>
  Object.fromEntries(
    Object.entries(ANSWERS).map(([type, answer]) => [
      logicalId(type),
      gatewayResponse(type, answer, corsOrigins),
    ]),
  )

function logicalId(type: string): string {
  const words = type.split('_').map((word) => `${word[0]}${word.slice(1).toLowerCase()}`)
  return `GatewayResponse${words.join('')}`
}

function gatewayResponse(
  type: string,
  { code, status, context }: Answer,
  corsOrigins: readonly string[],
): Resource {
  // A template knows `$context` variables and nothing else.
  const known = { instance: '$context.requestId' }
  const response = problemResponse(new WarrenError(code, context), known)
  const body = { ...JSON.parse(response.body), status: status ?? response.status }
  return {
    Type: 'AWS::ApiGateway::GatewayResponse',
    Properties: {
      RestApiId: ref(REST_API),
      ResponseType: type,
      // On a DEFAULT type it would replace the status of every type without an answer of its own.
      ...(status === 'any' ? {} : { StatusCode: String(body.status) }),
      ResponseParameters: parameters(readable(response, corsOrigins).headers),
      ResponseTemplates: { 'application/json': JSON.stringify(body, withoutAny) },
    },
  }
}

function withoutAny(key: string, value: unknown): unknown {
  return key === 'status' && value === 'any' ? undefined : value
}

/** A value is static, so several origins can only be all: what these answers say is no secret. */
function readable(response: HttpResponse, corsOrigins: readonly string[]): HttpResponse {
  const [first, ...more] = corsOrigins
  if (first === undefined) return response
  const origin = more.length === 0 ? first : '*'
  return createCors(['*']).allow({ headers: new Map([['origin', [origin]]]) }, response)
}

/** Static values stand in single quotes. */
function parameters(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      `gatewayresponse.header.${name}`,
      `'${value}'`,
    ]),
  )
}
