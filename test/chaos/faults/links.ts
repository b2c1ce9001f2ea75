import { setTimeout as sleep } from 'node:timers/promises'
import type { TcpProxy } from '../../support/proxy.ts'
import { until } from '../../support/until.ts'
import { type Fault, NothingHappened } from '../fault.ts'
import type { Subject } from '../world.ts'

const KINDS = ['front', 'relay', 'edge'] as const
const FROM = { front: 'front to broker', relay: 'relay to broker', edge: 'edge to front' } as const

type Do = (proxy: TcpProxy, seconds: number) => Promise<string>

/** A connection in use: whatever is not there cannot be taken away. */
const inUse = (proxy: TcpProxy) =>
  until('a connection', () => proxy.open > 0, 3000).catch(() => {
    throw new NothingHappened('there was no connection')
  })

const swallowing = async (proxy: TcpProxy, seconds: number, before: number) => {
  await sleep(seconds * 1000)
  const bytes = proxy.swallowed - before
  if (bytes === 0) throw new NothingHappened('nobody sent anything')
  return `${bytes} bytes swallowed`
}

const HOW: Readonly<Record<string, Do>> = {
  reset: async (proxy) => {
    await inUse(proxy)
    const connections = proxy.open
    proxy.reset()
    return `${connections} connections reset`
  },
  'half-open': async (proxy, seconds) => {
    await inUse(proxy)
    const connections = proxy.open
    proxy.halfOpen()
    await sleep(seconds * 1000)
    return `${connections} connections without a server`
  },
  'black hole': async (proxy, seconds) => {
    await inUse(proxy)
    const before = proxy.swallowed
    proxy.mode = 'drop'
    try {
      return await swallowing(proxy, seconds, before)
    } finally {
      proxy.mode = 'pass'
      proxy.reset() // What was swallowed makes nonsense of what comes now.
    }
  },
  drip: async (proxy, seconds) => {
    const before = proxy.delayed
    Object.assign(proxy, DRIP)
    await sleep(seconds * 1000)
    Object.assign(proxy, { delayMs: 0, dripBytes: 0 })
    await until('what dripped', () => proxy.delayed > before, 3000).catch(() => {
      throw new NothingHappened('nobody sent anything')
    })
    return `${proxy.delayed - before} bytes late`
  },
}

/** 3 kB/s: a publication of some 300 bytes passes, many at once do not. */
const DRIP = { delayMs: 20, dripBytes: 64 }

/** Everything that TCP can do to whoever trusts it. */
export const linkFaults = ({ links }: Subject): Fault[] =>
  KINDS.filter((kind) => links[kind].length > 0).flatMap((kind) =>
    Object.entries(HOW).map(([how, act]) => ({
      name: `${how}, ${FROM[kind]}`,
      happen: async ({ subject }, { pick, seconds }) => {
        const { name, proxy } = pick(subject.links[kind])
        return `${name}: ${await act(proxy, seconds)}`
      },
    })),
  )
