import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import type { Resource } from '../../cloudformation.ts'
import { faultOf, refusal } from './fault.ts'
import { type Answers, gatewayAnswers } from './gateway-answers.ts'
import type { HapiRequest, HapiResponse, HapiServer, HapiToolkit } from './hapi.ts'
import { completeResources, restoreRequest, routeAsRestApi } from './routing.ts'

/** Makes hapi behave like API Gateway in front of the functions. */
export function emulateGateway(
  server: HapiServer,
  resources: Readonly<Record<string, Resource>>,
): void {
  const answers = gatewayAnswers(resources)
  completeResources(server, (_request, h) => answers.render(refusal(404), randomUUID(), h))
  takeLargeBodies(server)
  server.ext('onRequest', (request, h) => {
    keepFromActing(request)
    routeAsRestApi(server, request)
    return h.continue
  })
  server.ext('onPreAuth', (request, h) => {
    restoreRequest(request)
    return h.continue
  })
  server.ext('onPreResponse', (request, h) => answerAsGateway(request, h, answers))
}

/** Over Lambda's limit a body is refused all the same, but at its end: hapi resets the connection. */
const MAX_READ_BYTES = 64 * 1024 * 1024

function takeLargeBodies(server: HapiServer): void {
  for (const { settings } of server.table()) {
    if (settings.payload) settings.payload.maxBytes = MAX_READ_BYTES
  }
}

/** Headers by which hapi or serverless-offline would change the request or the answer. */
const ACTED_ON = [
  'origin',
  'range',
  'if-none-match',
  'if-modified-since',
  'sls-offline-authorizer-override',
]

/** The function's event still has all of them, but for the one that could forge an identity. */
function keepFromActing({ headers, info, raw }: HapiRequest): void {
  // Of every other type serverless-offline reads the body as text.
  headers['content-type'] = 'application/octet-stream'
  info.acceptEncoding = 'identity'
  for (const name of ACTED_ON) delete headers[name]
  const { rawHeaders } = raw.req
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    if (/^sls-offline-/i.test(rawHeaders[i] ?? '')) rawHeaders.splice(i, 2)
  }
}

async function answerAsGateway(
  { response, raw }: HapiRequest,
  h: HapiToolkit,
  answers: Answers,
): Promise<unknown> {
  const fault = response.isBoom
    ? refusal(response.output.statusCode)
    : faultOf(response.headers, response.statusCode)
  if (fault !== undefined) {
    await readToEnd(raw.req)
    return answers.render(fault, randomUUID(), h)
  }
  remapAuthenticate((response as HapiResponse).charset(''))
  return h.continue
}

/** How long a client may take to send what nobody wants. */
const DRAIN_MS = 5_000

/** hapi closes a connection with unread bytes in it: a reset, by which the client loses the answer. */
async function readToEnd(request: IncomingMessage): Promise<void> {
  if (request.readableEnded || request.headers.expect !== undefined) return
  request.resume()
  await once(request, 'end', { signal: AbortSignal.timeout(DRAIN_MS) }).catch(() => {})
}

/** API Gateway renames this header of a function's: a 401 is the authorizer's to say. */
function remapAuthenticate(response: HapiResponse): void {
  const value = response.headers['www-authenticate']
  if (value === undefined) return
  delete response.headers['www-authenticate']
  response.header('x-amzn-remapped-www-authenticate', String(value))
}
