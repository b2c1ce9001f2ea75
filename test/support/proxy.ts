import { connect, createServer, type Socket } from 'node:net'

/**
 * What the proxy does with bytes: `pass` them; `drop` them in both directions while the connections
 * stay open (a black hole); `drop-requests`: only what the client sends, `drop-replies`: the server.
 */
export type ProxyMode = 'pass' | 'drop' | 'drop-requests' | 'drop-replies'

/** A TCP proxy before a real server, for faults that a healthy one does not show. */
export interface Proxy {
  readonly port: number
  mode: ProxyMode
  /** Added to every chunk, per direction, in ms. */
  delayMs: number
  /** Makes a black hole of the connections that are open now; new ones pass. */
  dropExisting(): void
  /** Ends all connections with a TCP reset on both sides. */
  reset(): void
  /** Connections that are open now. */
  readonly open: number
  close(): Promise<void>
}

/** @param target port on 127.0.0.1 */
export async function startProxy(target: number): Promise<Proxy> {
  const sockets = new Set<Socket>()
  const state = { mode: 'pass' as ProxyMode, delayMs: 0 }
  const dropped = new WeakSet<Socket>()
  const server = createServer((client) => {
    const upstream = connect(target, '127.0.0.1')
    for (const socket of [client, upstream]) {
      socket.setNoDelay(true)
      sockets.add(socket)
      socket.on('error', () => {}) // The other side hears of it by its 'close'.
      socket.on('close', () => sockets.delete(socket))
    }
    forward(client, upstream, () => !dropping('drop-requests') && !dropped.has(client))
    forward(upstream, client, () => !dropping('drop-replies') && !dropped.has(client))
  })
  const dropping = (direction: ProxyMode) => ['drop', direction].includes(state.mode)
  const forward = (from: Socket, to: Socket, passes: () => boolean) => {
    const later = (action: () => void) => {
      if (state.delayMs === 0) action()
      else setTimeout(action, state.delayMs)
    }
    from.on('data', (chunk) => {
      if (passes()) later(() => to.write(chunk))
    })
    from.on('close', (hadError) => {
      if (passes()) later(() => (hadError ? to.resetAndDestroy() : to.end()))
    })
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as { port: number }).port,
    get mode() {
      return state.mode
    },
    set mode(mode) {
      state.mode = mode
    },
    get delayMs() {
      return state.delayMs
    },
    set delayMs(ms) {
      state.delayMs = ms
    },
    get open() {
      return sockets.size / 2
    },
    dropExisting: () => {
      for (const socket of sockets) dropped.add(socket)
    },
    reset: () => {
      for (const socket of sockets) socket.resetAndDestroy()
    },
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}
