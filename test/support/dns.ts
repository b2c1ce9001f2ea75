import { createSocket } from 'node:dgram'
import type { AddressInfo } from 'node:net'
import type { Ending } from './ending.ts'

export interface Dns {
  /** `127.0.0.1:port`. */
  readonly address: string
  /** From now on the name means these addresses. @default 127.0.0.1 */
  add(name: string, ...addresses: readonly string[]): void
  /** From now on every question is answered with a failure, or not any more. */
  fail(on: boolean): void
}

/** A DNS server that knows no name at first. */
export async function startDns(ending: Ending): Promise<Dns> {
  const names = new Map<string, readonly string[]>()
  let failing = false
  const socket = createSocket('udp4')
  socket.on('message', (query, from) => {
    const answer = failing ? failureTo(query) : answerTo(query, names)
    socket.send(answer, from.port, from.address)
  })
  ending.after(() => void socket.close())
  await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve))
  const { port } = socket.address() as AddressInfo
  return {
    address: `127.0.0.1:${port}`,
    add: (name, ...addresses) =>
      void names.set(name, addresses.length > 0 ? addresses : ['127.0.0.1']),
    fail: (on) => {
      failing = on
    },
  }
}

const HEADER_BYTES = 12
/** Type A, class IN, lives 1 s, 4 bytes; its name is the question's (RFC 1035, 4.1.3). */
const RECORD = Buffer.from('c00c00010001000000010004', 'hex')
const recordOf = (address: string) =>
  Buffer.concat([RECORD, Buffer.from(address.split('.').map(Number))])

function answerTo(query: Buffer, names: ReadonlyMap<string, readonly string[]>): Buffer {
  const { name, end } = readName(query)
  const known = names.get(name)
  const header = Buffer.from(query.subarray(0, HEADER_BYTES))
  header.writeUInt16BE(known ? 0x8180 : 0x8183, 2) // An answer; 3: no such name.
  header.writeUInt16BE(known?.length ?? 0, 6)
  header.fill(0, 8)
  const question = query.subarray(HEADER_BYTES, end)
  return Buffer.concat([header, question, ...(known ?? []).map(recordOf)])
}

/** 2: the server has failed. */
function failureTo(query: Buffer): Buffer {
  const response = Buffer.from(query)
  response.writeUInt16BE(0x8182, 2)
  return response
}

/** The name asked for, and where the question ends. */
function readName(query: Buffer): { name: string; end: number } {
  const labels: string[] = []
  let at = HEADER_BYTES
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.'), end: at + 5 }
}
