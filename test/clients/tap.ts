import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Ending } from '../support/ending.ts'

/** A TCP proxy that writes down what passes; for one connection after the other. */
export interface Tap {
  readonly port: number
  /** All that the latest client sent. */
  sent(): Buffer
  /** All that it was answered. */
  answered(): Buffer
}

/** @param target port on 127.0.0.1 */
export async function startTap(ending: Ending, target: number): Promise<Tap> {
  let [up, down]: [Buffer[], Buffer[]] = [[], []]
  const server = createServer((client) => {
    const [sent, answered]: [Buffer[], Buffer[]] = [[], []]
    ;[up, down] = [sent, answered]
    const upstream = connect(target, '127.0.0.1')
    client.on('data', (chunk) => sent.push(chunk)).pipe(upstream)
    upstream.on('data', (chunk) => answered.push(chunk)).pipe(client)
    client.on('error', () => upstream.destroy())
    upstream.on('error', () => client.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending.after(() => server.close())
  return {
    port: (server.address() as AddressInfo).port,
    sent: () => Buffer.concat(up),
    answered: () => Buffer.concat(down),
  }
}

/** The lines before the body, each with its line end. */
export const headOf = (sent: Buffer): string =>
  `${sent.toString('latin1').split('\r\n\r\n')[0]}\r\n`

/** For a person: what there is to know of a request's framing, and whether a wait was answered. */
export function framingOf(head: string, answered: Buffer): string {
  const version = head.match(/HTTP\/\d\.\d/)?.[0] ?? 'not HTTP'
  const header = (name: string) => head.match(new RegExp(`^${name}: *(.*?)\\r$`, 'im'))?.[1]
  return [
    version,
    ...(header('Transfer-Encoding') === undefined ? [] : ['chunked']),
    ...(header('Expect') === undefined ? [] : [`Expect (answer ${answered.subarray(9, 12)})`]),
    ...(header('Upgrade') === undefined ? [] : [`Upgrade: ${header('Upgrade')}`]),
  ].join(', ')
}

const HANDSHAKE = 22
const SERVER_HELLO = 2
const SUPPORTED_VERSIONS = 43
const VERSIONS: Readonly<Record<number, string>> = {
  769: 'TLS 1.0',
  770: 'TLS 1.1',
  771: 'TLS 1.2',
  772: 'TLS 1.3',
}

/**
 * The version that a server chose, by its ServerHello (RFC 8446, 4.1.3). Needs no client that trusts
 * the server's certificate. Absent when the server refused, or nothing came.
 */
export function tlsVersion(answered: Buffer): string | undefined {
  if (answered[0] !== HANDSHAKE || answered[5] !== SERVER_HELLO) return undefined
  const hello = answered.subarray(9, 9 + answered.readUIntBE(6, 3))
  const chosen = supportedVersion(hello) ?? hello.readUInt16BE(0)
  return VERSIONS[chosen] ?? `0x${chosen.toString(16)}`
}

/** @param hello from its `legacy_version` on */
function supportedVersion(hello: Buffer): number | undefined {
  const sessionId = 2 + 32
  let at = sessionId + 1 + hello.readUInt8(sessionId) + 2 + 1 // Cipher suite, compression.
  for (at += 2; at + 4 <= hello.length; at += 4 + hello.readUInt16BE(at + 2)) {
    if (hello.readUInt16BE(at) === SUPPORTED_VERSIONS) return hello.readUInt16BE(at + 4)
  }
  return undefined
}
