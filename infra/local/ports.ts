import { createServer } from 'node:net'

const HOST = '127.0.0.1'

/** Why we cannot listen on this port of 127.0.0.1, e.g. `EADDRINUSE`; undefined when we can. */
export function whyNotFree(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, HOST, () => server.close(() => resolve(undefined)))
  })
}

/** `count` different free ports of 127.0.0.1, held open together while choosing. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, () => listening()))
  const ports = servers.map((server) => (server.address() as { port: number }).port)
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return ports
}

function listening() {
  return new Promise<ReturnType<typeof createServer>>((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, HOST, () => resolve(server))
  })
}

/** The wanted port if it is free, else another one; never `except`. */
export async function freePort(wanted: number, except?: number): Promise<number> {
  if (wanted !== except && (await whyNotFree(wanted)) === undefined) return wanted
  return (await freePorts(2)).find((port) => port !== except) as number
}
