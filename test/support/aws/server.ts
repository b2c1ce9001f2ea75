import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { type Account, OPERATOR_KEY } from './account.ts'
import { AwsError, unknown } from './errors.ts'
import { type Reply, type Request, type Service, send } from './protocols.ts'

/** What answers beside the services: unsigned requests. */
export type Unsigned = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>

/** `AWS4-HMAC-SHA256 Credential=<key>/<date>/<region>/<service>/aws4_request, …` */
const SCOPE = /Credential=([^/]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/

/**
 * Serves an account on a port of 127.0.0.1. Which service is meant, and who asks, is in the
 * signature; the signature itself is not checked.
 */
export async function serve(
  account: Account,
  services: Readonly<Record<string, Service>>,
  unsigned: Unsigned,
): Promise<{ close(): Promise<void> }> {
  const server = createServer((request, response) => {
    handle(account, services, unsigned, request, response).catch((error: unknown) => {
      process.stderr.write(`stand-in for AWS: ${(error as Error).stack}\n`)
      response.destroy()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  account.endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    close: async () => {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function handle(
  account: Account,
  services: Readonly<Record<string, Service>>,
  unsigned: Unsigned,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (await unsigned(incoming, response)) return
  const [, key = '', , name = ''] = SCOPE.exec(incoming.headers.authorization ?? '') ?? []
  const service = services[name]
  if (service === undefined) {
    process.stderr.write(
      `stand-in for AWS: no service ${name}: ${incoming.method} ${incoming.url}\n`,
    )
    return send(response, { status: 501, body: 'no such service here' })
  }
  const request = await read(incoming, key)
  account.calls.push(`${key === OPERATOR_KEY ? '' : `${key} `}${name}:${service.actionOf(request)}`)
  send(response, await answer(service, request))
}

async function answer(service: Service, request: Request): Promise<Reply> {
  try {
    return await service.answer(request)
  } catch (error) {
    if (!(error instanceof AwsError)) throw error
    if (error.code === unknown('').code)
      process.stderr.write(`stand-in for AWS: ${error.message}\n`)
    return service.refuse(error)
  }
}

async function read(incoming: IncomingMessage, key: string): Promise<Request> {
  const [path = '/', query = ''] = (incoming.url ?? '/').split('?', 2)
  const { method = '', headers } = incoming
  return {
    method,
    path,
    query: new URLSearchParams(query),
    headers,
    body: await buffer(incoming),
    key,
  }
}
