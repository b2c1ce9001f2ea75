import { connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/**
 * What the proxy does with bytes: `pass` them; `drop` them in both directions while the connections
 * stay open (a black hole); `drop-requests`: only what the client sends, `drop-replies`: the server.
 */
export type ProxyMode = 'pass' | 'drop' | 'drop-requests' | 'drop-replies'

export interface ProxyOptions {
  /** Where it listens. @default 127.0.0.1 */
  readonly host?: string
  /** @default any free one */
  readonly port?: number
}

/**
 * Starts a proxy.
 * @param targets ports on 127.0.0.1: one server, or several, which connections use in turn; one that
 * refuses is left out
 */
export async function startProxy(
  targets: number | readonly number[],
  { host = '127.0.0.1', port = 0 }: ProxyOptions = {},
): Promise<TcpProxy> {
  const server = createServer({ pauseOnConnect: true })
  await new Promise<void>((resolve) => server.listen(port, host, resolve))
  return new TcpProxy(server, [targets].flat())
}

/** A TCP proxy before a real server, for faults that a healthy one does not show. */
export class TcpProxy {
  mode: ProxyMode = 'pass'
  /** Added to every chunk, per direction, in ms. */
  delayMs = 0
  /** At most so many bytes at once, the next ones `delayMs` later. 0: no limit. */
  dripBytes = 0
  /** Bytes that were not passed on so far. */
  swallowed = 0
  /** Bytes that were passed on late so far. */
  delayed = 0
  readonly port: number
  readonly #server: Server
  readonly #targets: readonly number[]
  #turn = 0
  readonly #clients = new Map<Socket, Socket>()
  readonly #dropped = new WeakSet<Socket>()

  constructor(server: Server, targets: readonly number[]) {
    this.#server = server
    this.#targets = targets
    this.port = (server.address() as { port: number }).port
    server.on('connection', (client) => {
      client.setNoDelay(true)
      client.on('error', () => {}) // The server hears of it by its 'close'.
      this.#turn += 1
      this.#dial(client, this.#targets.length)
    })
  }

  /** The URL of a server, with this proxy before it. */
  through(serverUrl: string): string {
    const url = new URL(serverUrl)
    url.port = String(this.port)
    return url.href
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#clients.size
  }

  /** Makes a black hole of the connections that are open now; new ones pass. */
  dropExisting(): void {
    for (const client of this.#clients.keys()) this.#dropped.add(client)
  }

  /** Takes the server away from the connections that are open now, and tells no client. */
  halfOpen(): void {
    this.dropExisting()
    for (const upstream of this.#clients.values()) upstream.resetAndDestroy()
  }

  /** Ends all connections with a TCP reset on both sides. */
  reset(): void {
    for (const socket of [...this.#clients].flat()) socket.resetAndDestroy()
  }

  close(): Promise<void> {
    for (const socket of [...this.#clients].flat()) socket.destroy()
    return new Promise((resolve) => this.#server.close(() => resolve()))
  }

  #dial(client: Socket, attempts: number): void {
    const port = this.#targets[(this.#turn + attempts) % this.#targets.length] as number
    const upstream = connect(port, '127.0.0.1')
    upstream.setNoDelay(true)
    this.#clients.set(client, upstream)
    const refused = () => {
      if (attempts > 1 && !client.destroyed) this.#dial(client, attempts - 1)
      else client.resetAndDestroy()
    }
    upstream.once('error', refused)
    client.once('close', () => {
      if (upstream.connecting) upstream.destroy()
      if (upstream.destroyed) this.#clients.delete(client)
    })
    upstream.once('close', () => {
      if (client.destroyed) this.#clients.delete(client)
    })
    upstream.once('connect', () => {
      upstream.off('error', refused)
      upstream.on('error', () => {})
      this.#join(client, upstream)
    })
  }

  #join(client: Socket, upstream: Socket): void {
    const passes = (direction: ProxyMode) =>
      !(['drop', direction].includes(this.mode) || this.#dropped.has(client))
    this.#forward(client, upstream, () => passes('drop-requests'))
    this.#forward(upstream, client, () => passes('drop-replies'))
    client.resume()
  }

  #forward(from: Socket, to: Socket, passes: () => boolean): void {
    let waiting = Promise.resolve()
    let pending = 0
    // Nothing overtakes what came before it.
    const inTurn = (action: () => void | Promise<void>) => {
      pending += 1
      waiting = waiting.then(action).finally(() => {
        pending -= 1
      })
    }
    from.on('data', (chunk: Buffer) => {
      if (!passes()) this.swallowed += chunk.length
      else if (this.delayMs === 0 && pending === 0) to.write(chunk)
      else inTurn(this.#late(chunk, to))
    })
    from.on('close', (hadError) => {
      if (passes()) inTurn(() => void (hadError ? to.resetAndDestroy() : to.end()))
    })
  }

  #late(chunk: Buffer, to: Socket): () => Promise<void> {
    const arrivedMs = performance.now()
    return async () => {
      let rest = chunk
      if (this.dripBytes === 0)
        await sleep(Math.max(0, arrivedMs + this.delayMs - performance.now()))
      while (this.dripBytes > 0 && rest.length > this.dripBytes && !to.destroyed) {
        to.write(rest.subarray(0, this.dripBytes))
        rest = rest.subarray(this.dripBytes)
        await sleep(this.delayMs)
      }
      this.delayed += chunk.length
      to.write(rest)
    }
  }
}
