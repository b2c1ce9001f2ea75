import type { Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { ConfigError } from '#lib/config.ts'
import { createServer } from '#lib/http/node-http.ts'

/** The small HTTP server for orchestrators and Prometheus. */
export interface Health {
  /** Where it listens. */
  readonly port: number
  close(): Promise<void>
}

export interface HealthOptions {
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  /** Why the process is not ready; empty: it is. */
  readonly unreadiness: () => readonly string[]
  /** In Prometheus's text format. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>
}

/**
 * Serves `/healthz` (the event loop runs; the only one that should restart a process), `/readyz` (503
 * with the reasons) and `/metrics`.
 * @throws {ConfigError} the port is taken
 */
export async function serveHealth(options: HealthOptions): Promise<Health> {
  const server = createServer((request, response) => {
    const path = request.url?.split('?')[0] ?? ''
    const answer = ROUTES.get(path) ?? notFound
    answer(options, response).catch(() => response.destroy())
  })
  await listen(server, options)
  return {
    port: (server.address() as AddressInfo).port,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

type Answer = (options: HealthOptions, response: ServerResponse) => Promise<void>

const ROUTES: ReadonlyMap<string, Answer> = new Map<string, Answer>([
  ['/healthz', async (_, response) => json(response, 200, { status: 'ok' })],
  [
    '/readyz',
    async ({ unreadiness }, response) => {
      const reasons = unreadiness()
      if (reasons.length === 0) json(response, 200, { status: 'ready' })
      else json(response, 503, { status: 'not ready', reasons })
    },
  ],
  [
    '/metrics',
    async ({ metrics }, response) => {
      const { contentType, text } = await metrics()
      response.writeHead(200, { 'content-type': contentType }).end(text)
    },
  ],
])

const notFound: Answer = async (_, response) => json(response, 404, { status: 'not found' })

function json(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json' })
    .end(`${JSON.stringify(body)}\n`)
}

function listen(server: Server, { host, port }: HealthOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'is taken by another process' : error.message
      reject(new ConfigError([`HEALTH_PORT ${port} on HOST ${host}: ${why}`]))
    })
    server.listen(port, host, resolve)
  })
}
