import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server } from 'node:net'

const HOST = '127.0.0.1'

/** Why we cannot listen on this port of 127.0.0.1, e.g. `EADDRINUSE`; undefined when we can. */
export function whyNotFree(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, HOST, () => server.close(() => resolve(undefined)))
  })
}

/**
 * Below those that outgoing connections get (from 32768 on Linux, ip_local_port_range; from 49152
 * elsewhere, RFC 6335): a broker needs seconds until it listens, and who tries to reach it meanwhile
 * must not be given its very port.
 */
const FIRST = 10_240
const LAST = 32_767

/** `count` different free ports of 127.0.0.1, held open together while choosing. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listening()))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

async function listening(): Promise<Server> {
  for (;;) {
    const server = createServer().listen(randomInt(FIRST, LAST + 1), HOST)
    try {
      await once(server, 'listening')
      return server
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    }
  }
}

/** The wanted port if it is free, else another one; never `except`. */
export async function freePort(wanted: number, except?: number): Promise<number> {
  if (wanted !== except && (await whyNotFree(wanted)) === undefined) return wanted
  return (await freePorts(2)).find((port) => port !== except) as number
}
