import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Account } from '../account.ts'
import { type Reply, send } from '../protocols.ts'
import type { RestApi } from './api.ts'
import { authorizationOf } from './authorizer.ts'
import { newRequestId, proxyEvent, type Request } from './events.ts'
import { gatewayResponse } from './gateway-responses.ts'
import { invokeByApi, Refused } from './invoke.ts'
import { type Deployed, type Route, routeOf } from './routing.ts'

/** API Gateway's limit of a body, and Lambda's of an event, in bytes (their quotas). */
const MAX_BODY = 10 * 1024 * 1024
const MAX_EVENT = 6 * 1024 * 1024

/**
 * Answers requests to `<api>.execute-api.<region>.amazonaws.com/<stage>/…`, as the Host header has it.
 * Left out: throttling, access logs, the integration's own timeout of 29 s.
 * @returns whether it was one
 */
export async function serveApi(
  account: Account,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  const [apiId, service] = (incoming.headers.host ?? '').split('.')
  if (service !== 'execute-api') return false
  const url = incoming.url ?? '/'
  const [raw = '/', query = ''] = url.split('?', 2)
  const [, stage = '', path = ''] = /^\/([^/]*)(.*)$/.exec(raw) ?? []
  const api = account.apis.get(apiId ?? '')
  const deployed = api && deployedOn(account, api, stage)
  const requestId = newRequestId()
  const body = await bodyOf(incoming)
  if (deployed === undefined) send(response, { status: 403, body: '{"message":"Forbidden"}' })
  else {
    const read = { incoming, path: path || '/', query: new URLSearchParams(query), requestId }
    send(response, await answer(deployed, read, body))
  }
  return true
}

function deployedOn(account: Account, api: RestApi, stage: string): Deployed | undefined {
  const { id: apiId, rootResourceId, binaryMediaTypes } = api
  const parts = api.deployments.get(api.stages.get(stage) ?? '')
  const [only, ...more] = binaryMediaTypes
  if (more.length > 0 || (only ?? '*/*') !== '*/*')
    throw new Error('not known: these binaryMediaTypes')
  return parts && { account, apiId, rootResourceId, stage, parts, binary: only !== undefined }
}

/** The body, or undefined when it is too large; it is read to its end all the same. */
async function bodyOf(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of incoming) {
    size += chunk.length
    if (size <= MAX_BODY) chunks.push(chunk)
  }
  return size > MAX_BODY ? undefined : Buffer.concat(chunks)
}

async function answer(
  deployed: Deployed,
  read: Omit<Request, 'body'>,
  body: Buffer | undefined,
): Promise<Reply> {
  const { incoming, path, requestId } = read
  const refuse = (type: Parameters<typeof gatewayResponse>[1]) =>
    gatewayResponse(deployed.parts, type, requestId)
  const route = routeOf(deployed, incoming.method ?? '', path)
  if (route === undefined) return refuse('MISSING_AUTHENTICATION_TOKEN')
  if (body === undefined) return refuse('REQUEST_TOO_LARGE')
  const request = { ...read, body }
  try {
    const authorizer = await authorizationOf(deployed, route, request)
    return await integrate(deployed, route, request, authorizer)
  } catch (error) {
    if (error instanceof Refused) return refuse(error.type)
    throw error
  }
}

async function integrate(
  deployed: Deployed,
  route: Route,
  request: Request,
  authorizer: Readonly<Record<string, unknown>> | undefined,
): Promise<Reply> {
  const event = proxyEvent(deployed, route, request, authorizer)
  if (Buffer.byteLength(JSON.stringify(event)) > MAX_EVENT) throw new Refused('REQUEST_TOO_LARGE')
  if (route.method.Integration.Type !== 'AWS_PROXY') throw new Error('not known: this integration')
  const { result } = await invokeByApi(deployed, request, route.method.Integration.Uri, event)
  return toReply(result, request.requestId)
}

interface Result {
  readonly statusCode: number | string
  readonly headers?: Readonly<Record<string, unknown>>
  readonly body?: string | null
  readonly isBase64Encoded?: boolean
}

/** What a function answered. @throws {Refused} it is no answer */
function toReply(result: unknown, requestId: string): Reply {
  if (!isResult(result)) throw new Refused('DEFAULT_5XX')
  const { statusCode, headers = {}, body, isBase64Encoded } = result
  const named = Object.entries(headers).map(([name, value]) => [renamed(name), String(value)])
  return {
    status: Number(statusCode),
    headers: { 'x-amzn-requestid': requestId, ...Object.fromEntries(named) },
    body: Buffer.from(body ?? '', isBase64Encoded ? 'base64' : 'utf8'),
  }
}

const renamed = (name: string) =>
  name.toLowerCase() === 'www-authenticate'
    ? 'x-amzn-remapped-www-authenticate'
    : name.toLowerCase()

function isResult(result: unknown): result is Result {
  if (typeof result !== 'object' || result === null) return false
  const { statusCode, body } = result as Record<string, unknown>
  const hasBody = body === undefined || body === null || typeof body === 'string'
  return hasBody && /^[1-5]\d\d$/.test(String(statusCode))
}
