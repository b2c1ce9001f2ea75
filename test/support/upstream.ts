import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net'
import type { Ending } from './ending.ts'

/** A request as it arrived behind the edge. */
export interface Received {
  readonly method: string
  /** The request target, as sent. */
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly rawHeaders: readonly string[]
  readonly bytes: number
  readonly sha256: string
}

export interface Upstream {
  readonly port: number
  /** Every request that came in whole, in order. */
  readonly received: readonly Received[]
}

/** Answers a request that was received. @default 200 with JSON */
export type Answer = (request: Received, response: ServerResponse) => void

const ok: Answer = (_, response) => {
  response.setHeader('content-type', 'application/json')
  response.end('{"status":"ok"}')
}

export interface UpstreamOptions {
  readonly answer?: Answer
  /** PEM; with both, it speaks HTTPS. */
  readonly tls?: { readonly cert: Buffer; readonly key: Buffer }
}

/** A server of node:http, as the API is one, that notes what it gets. */
export async function startUpstream(
  ending: Ending,
  { answer = ok, tls }: UpstreamOptions = {},
): Promise<Upstream> {
  const received: Received[] = []
  const listener = async (request: IncomingMessage, response: ServerResponse) => {
    const noted = await receive(request).catch(() => undefined)
    if (noted === undefined) return
    received.push(noted)
    answer(noted, response)
  }
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener)
  ending.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { port: await listen(server), received }
}

async function receive(request: IncomingMessage): Promise<Received> {
  const hash = createHash('sha256')
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    hash.update(chunk)
    bytes += chunk.length
  }
  const { method = '', url = '', headers, rawHeaders } = request
  return { method, url, headers, rawHeaders, bytes, sha256: hash.digest('hex') }
}

export interface Tripwire {
  readonly port: number
  /** All bytes that ever reached it. */
  touched(): string
  /** How often somebody connected. */
  connections(): number
}

/** A listener that nobody should reach. It answers, so that whoever did is not kept waiting. */
export async function startTripwire(ending: Ending): Promise<Tripwire> {
  let bytes = ''
  let connections = 0
  const server = createTcpServer((socket) => {
    connections += 1
    socket.on('error', () => {})
    socket.on('data', (chunk) => {
      bytes += chunk.toString('latin1')
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\ntripped')
    })
  })
  ending.after(() => void server.close())
  return { port: await listen(server), touched: () => bytes, connections: () => connections }
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port))
  })
}
