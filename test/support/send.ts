import { once } from 'node:events'
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { assertDocumented } from './documented.ts'

/** A request as it goes out: nothing is normalised, added to the path, or followed. */
export interface Sent {
  /** @default 'POST' */
  readonly method?: string
  /** The request target, verbatim. */
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: Buffer | string
  /** Sent in chunks, without Content-Length. */
  readonly chunked?: boolean
  /**
   * Where it goes to: our public interface, whose every answer must be as the OpenAPI document says, or
   * something else. @default 'interface'
   */
  readonly to?: 'interface' | 'other'
}

export interface Received {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  /** The body as JSON. */
  json(): Record<string, unknown>
}

const PATIENCE_MS = 30_000

/**
 * Sends a request on a connection of its own and gives the answer, after holding it against the
 * OpenAPI document. @param origin e.g. `http://127.0.0.1:3000`
 */
export async function send(origin: string, sent: Sent): Promise<Received> {
  const { method = 'POST', path, headers = {}, body = '', chunked = false } = sent
  const { to = 'interface' } = sent
  const { hostname, port } = new URL(origin)
  const length = chunked || method === 'GET' ? {} : { 'content-length': Buffer.byteLength(body) }
  const outgoing = request({
    ...{ host: hostname, port, method, path, agent: false },
    headers: { ...length, ...headers },
    signal: AbortSignal.timeout(PATIENCE_MS),
  })
  outgoing.end(body)
  const [response] = await once(outgoing, 'response')
  const received = await buffer(response)
  const status = response.statusCode
  const contentType = response.headers['content-type'] ?? ''
  if (to === 'interface') assertDocumented(method, path, { status, contentType, body: received })
  return {
    status,
    headers: response.headers,
    body: received,
    json: () => JSON.parse(received.toString('utf8')),
  }
}
