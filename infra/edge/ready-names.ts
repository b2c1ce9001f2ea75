import { createSocket, type Socket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseQuery, type Question, renderAnswer, renderFailure } from './dns.ts'

export interface ReadyNamesOptions {
  /** The name whose addresses are asked whether they are ready; all others are looked up only. */
  readonly name: string
  /** Where each of them answers `/health/ready`. */
  readonly readyPort: number
  /** DNS servers that know the names. */
  readonly resolvers: readonly string[]
}

/** A DNS server on loopback. */
export interface ReadyNames {
  /** `127.0.0.1:port`, as nginx's directive `resolver` wants it. */
  readonly address: string
  close(): void
}

/** With nginx's 2 s of memory, what says that it stops gets nothing new after about 4 s. */
const EVERY_MS = 1000
const READY_WITHIN_MS = 900
/** How often in a row what was ready may be silent: on a machine that is busy a second is short. */
const MAY_BE_SILENT = 2

/**
 * Serves names to nginx, which knows no other way to hear that one of several addresses is not to be
 * used. Docker gives the address of a container until it has ended, also while it stops: here, an
 * address that does not say that it is ready is left out. Where none is ready all are given, since the
 * gateway itself says best what is wrong.
 */
export async function serveReadyNames(options: ReadyNamesOptions): Promise<ReadyNames> {
  const resolver = new Resolver({ timeout: 1000, tries: 2 })
  resolver.setServers([...options.resolvers])
  const closing = new AbortController()
  const state: State = { ...options, resolver, addresses: undefined, silences: new Map() }
  await look(state)
  void keepReady(state, closing.signal)
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const question = parseQuery(query)
    if (question) void answer(state, socket, question, from)
  })
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  return {
    address: `127.0.0.1:${(socket.address() as AddressInfo).port}`,
    close: () => {
      closing.abort()
      socket.close()
    },
  }
}

interface State extends ReadyNamesOptions {
  readonly resolver: Resolver
  /** All that the name means. Undefined: the name is not known. */
  addresses: readonly string[] | undefined
  /** Those of them that are ready, and how often in a row each has been silent. */
  silences: ReadonlyMap<string, number>
}

async function keepReady(state: State, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(EVERY_MS, undefined, { signal, ref: false }).catch(() => {})
    await look(state)
  }
}

async function answer(
  state: State,
  socket: Socket,
  question: Question,
  { port, address }: { readonly port: number; readonly address: string },
): Promise<void> {
  const known =
    question.name === state.name ? usable(state) : await lookUp(question, state.resolver)
  // An empty answer says that there is nothing of this kind, a failure that it may come.
  const addresses = question.isAddress ? known : []
  socket.send(
    addresses ? renderAnswer(question, addresses) : renderFailure(question),
    port,
    address,
  )
}

const lookUp = ({ name }: Question, resolver: Resolver): Promise<string[] | undefined> =>
  resolver.resolve4(name).catch(() => undefined)

function usable({ addresses, silences }: State): readonly string[] | undefined {
  return silences.size > 0 ? [...silences.keys()] : addresses
}

/** Asks for the addresses, and each of them whether it is ready. */
async function look(state: State): Promise<void> {
  const { resolver, name, readyPort, silences: before } = state
  // That there is no such name is an answer; without one, what was known before still stands.
  const addresses = await resolver
    .resolve4(name)
    .catch(({ code }) => (/^E(NOTFOUND|NODATA)$/.test(code) ? undefined : state.addresses))
  const silences = new Map<string, number>()
  const ask = async (address: string) => {
    const answer = await askReady(address, readyPort)
    const silent = answer === 'silent' ? (before.get(address) ?? MAY_BE_SILENT) + 1 : 0
    if (answer !== 'no' && silent <= MAY_BE_SILENT) silences.set(address, silent)
  }
  await Promise.all((addresses ?? []).map(ask))
  state.addresses = addresses
  state.silences = silences
}

function askReady(address: string, port: number): Promise<'ready' | 'no' | 'silent'> {
  const signal = AbortSignal.timeout(READY_WITHIN_MS)
  return fetch(`http://${address}:${port}/health/ready`, { signal }).then(
    async (response) => {
      await response.body?.cancel()
      return response.ok ? 'ready' : 'no'
    },
    () => (signal.aborted ? 'silent' : 'no'),
  )
}
