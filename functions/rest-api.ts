import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda'
import { type Principal, unpackGrants } from '#lib/auth/grants.ts'
import { type Deadline, deadlineIn } from '#lib/deadline.ts'
import { WarrenError } from '#lib/errors.ts'
import { badPath } from '#lib/http/path.ts'
import type { HttpRequest, Multi } from '#lib/http/request.ts'
import type { AnyResponse } from '#lib/http/response.ts'
import type { PublishRequest } from './publish/publish.ts'

/** The request in an event of an API Gateway REST API (payload 1.0). @throws {WarrenError} invalid-request */
export function toRequest(event: APIGatewayProxyEvent): HttpRequest {
  return {
    method: event.httpMethod,
    path: rawPathOf(event),
    query: multi(event.multiValueQueryStringParameters, event.queryStringParameters, asGiven),
    headers: headersOf(event),
    body: bodyOf(event),
    requestId: event.requestContext.requestId,
  }
}

/** Every value of each header. */
export const headersOf = (event: APIGatewayProxyEvent): Multi =>
  multi(event.multiValueHeaders, event.headers, lowerCase)

/**
 * The request of a caller who is known, in an event.
 * @throws {WarrenError} invalid-request, unauthorized
 */
export const toPublishRequest = (
  event: APIGatewayProxyEvent,
  context: Context,
): PublishRequest => ({
  ...toRequest(event),
  principal: principalOf(event),
  deadline: deadlineOf(context),
})

/** The answer as API Gateway wants it. */
export function toResult({ status, headers, body }: AnyResponse): APIGatewayProxyResult {
  const result = { statusCode: status, headers: { ...headers } }
  if (typeof body === 'string') return { ...result, body, isBase64Encoded: false }
  return { ...result, body: body.toString('base64'), isBase64Encoded: true }
}

/**
 * Who the authorizer said the caller is; its context is the only place this may come from.
 * @throws {WarrenError} unauthorized: no authorizer stands before this function, or not ours
 */
export function principalOf({ requestContext }: APIGatewayProxyEvent): Principal {
  const { principal: name, grants } = requestContext.authorizer ?? {}
  const publish = typeof grants === 'string' ? unpackGrants(grants) : undefined
  if (typeof name !== 'string' || name === '' || publish === undefined) {
    throw new WarrenError('unauthorized')
  }
  return { name, publish }
}

/** An answer within 8 s of the last byte is promised; the second is for the ways there and back. */
const MOST_MS = 7_000
/** Left over from the function's time for writing the answer. */
const RESERVE_MS = 500

/** By when a request must be answered: 7 s from now, or 500 ms before Lambda ends the function. */
export const deadlineOf = (context: Context): Deadline =>
  deadlineIn(Math.min(MOST_MS, context.getRemainingTimeInMillis() - RESERVE_MS))

function bodyOf({ body, isBase64Encoded }: APIGatewayProxyEvent): Buffer {
  return Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8')
}

type MultiValues = APIGatewayProxyEvent['multiValueHeaders'] | null
type Values = APIGatewayProxyEvent['headers'] | null

const lowerCase = (name: string) => name.toLowerCase()
const asGiven = (name: string) => name

/** All values of each name; `x-a` and `X-A` come apart in the event and are one header. */
function multi(multiValues: MultiValues, values: Values, toName: (name: string) => string): Multi {
  const all = new Map<string, string[]>()
  const add = (name: string, texts: readonly string[]) =>
    all.set(toName(name), [...(all.get(toName(name)) ?? []), ...texts])
  if (multiValues) {
    for (const [name, texts = []] of Object.entries(multiValues)) add(name, texts)
  } else {
    for (const [name, text] of Object.entries(values ?? {}))
      if (text !== undefined) add(name, [text])
  }
  return all
}

/** `/publish/{exchange+}` or `/problems/{code}` in its parts. */
const WITH_NAME = /^(.*\/)\{(\w+)\+?\}$/

/**
 * The path as the caller sent it, without the base path of a custom domain, which `event.path`
 * includes. It is found by what API Gateway matched. Whether `pathParameters` arrive decoded differs
 * between reports, and between AWS and its imitations: both are taken, and nothing is decoded here.
 */
function rawPathOf({ path, resource, pathParameters }: APIGatewayProxyEvent): string {
  const [, prefix, name] = WITH_NAME.exec(resource) ?? []
  if (prefix === undefined || name === undefined) {
    return path.endsWith('/') && resource !== '/' ? `${resource}/` : resource
  }
  const matched = trim(pathParameters?.[name] ?? '')
  for (let at = path.indexOf(prefix); at >= 0; at = path.indexOf(prefix, at + 1)) {
    const rest = trim(path.slice(at + prefix.length))
    if (rest === matched || decoded(rest) === matched) return path.slice(at)
  }
  throw badPath('was changed on its way here')
}

const trim = (path: string) => path.replace(/\/$/, '')

function decoded(text: string): string | undefined {
  try {
    return trim(decodeURIComponent(text))
  } catch {
    return undefined
  }
}
