import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Publisher } from '#lib/amqp/message.ts'
import { deadlineIn } from '#lib/deadline.ts'
import { problemResponse } from '#lib/http/problem.ts'
import { type HttpResponse, jsonResponse } from '#lib/http/response.ts'
import type { GatewayMetrics } from './metrics.ts'

export interface AdminOptions {
  readonly host: string
  readonly port: number
  readonly publisher: Publisher
  readonly metrics: GatewayMetrics
  /** The gateway is stopping: it is not ready any more. */
  readonly isDraining: () => boolean
}

/** Whoever asks for readiness asks often; the broker is asked at most this often. */
const CACHED_MS = 2000
const READY_MS = 3000

/** Serves /health, /health/ready and /metrics on a port that is not the callers'. */
export async function startAdmin(options: AdminOptions): Promise<{ port: number; close(): void }> {
  const ready = cachedReadiness(options)
  const server = createServer(async (request, response) => {
    request.resume()
    if (request.url === '/health') reply(response, jsonResponse(200, { status: 'ok' }))
    else if (request.url === '/health/ready') reply(response, await ready())
    else if (request.url === '/metrics') reply(response, await metricsResponse(options.metrics))
    else reply(response, jsonResponse(404, { status: 'not found' }))
  })
  await listen(server, options)
  return {
    port: (server.address() as { port: number }).port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}

async function metricsResponse(metrics: GatewayMetrics): Promise<HttpResponse> {
  const headers = { 'content-type': metrics.contentType }
  return { status: 200, headers, body: await metrics.text() }
}

function cachedReadiness({ publisher, isDraining }: AdminOptions): () => Promise<HttpResponse> {
  let answer: Promise<HttpResponse> | undefined
  let askedMs = 0
  return async () => {
    if (isDraining()) return jsonResponse(503, { status: 'stopping' })
    if (answer === undefined || performance.now() - askedMs > CACHED_MS) {
      askedMs = performance.now()
      answer = publisher.ready(deadlineIn(READY_MS)).then(
        () => jsonResponse(200, { status: 'ready' }),
        (error) => problemResponse(error),
      )
    }
    return answer
  }
}

function reply(response: ServerResponse, { status, headers, body }: HttpResponse): void {
  response.writeHead(status, headers).end(body)
}

function listen(server: Server, { host, port }: AdminOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve())
  })
}
