import { type Socket, connect as tcpConnect } from 'node:net'
import { type Deadline, remainingMs } from '#lib/deadline.ts'
import { readPem } from '#lib/pem.ts'
import { FRAME_END, FRAME_METHOD, FRAME_OVERHEAD, HEAD_BYTES, SIZE_AT } from './raw-frames.ts'
import { shortString } from './raw-properties.ts'

/** Where a broker is asked. */
export interface Refusing {
  /** `amqp://` or `amqps://`, with user, password and vhost. */
  readonly url: string
  /** PEM file of the authority that signed the broker's certificate, or its text. */
  readonly caFile?: string
  /** By when the answer is needed. */
  readonly deadline: Deadline
}

// AMQP 0-9-1, class and method of connection.*.
const CLASS = 10 << 16
const START = CLASS | 10
const START_OK = CLASS | 11
const TUNE = CLASS | 30
const TUNE_OK = CLASS | 31
const OPEN = CLASS | 40
const OPEN_OK = CLASS | 41
const CLOSE = CLASS | 50
const METHOD_BYTES = 4
/** Of connection.close before its text: the reply code. */
const CODE_BYTES = 2

/** Whether amqplib met a connection.close where it had asked to open: it does not tell the reason. */
export const isUnexplained = (error: unknown): boolean =>
  error instanceof Error && /ConnectionOpenOk; got .*ConnectionClose/.test(error.message)

/**
 * Asks the broker once more to open a connection, for its reason not to.
 * @returns the broker's words, such as "NOT_ALLOWED - vhost orders not found"; undefined when it does
 *   open one now, or says nothing by the deadline. Never throws.
 */
export async function askWhyRefused(options: Refusing): Promise<string | undefined> {
  const socket = await open(options)
  const late = setTimeout(() => socket.destroy(), Math.max(0, remainingMs(options.deadline)))
  try {
    socket.write(Buffer.from('AMQP\0\0\x09\x01', 'latin1'))
    return await talk(socket, new URL(options.url))
  } catch {
    return undefined
  } finally {
    clearTimeout(late)
    socket.destroy()
  }
}

/** TLS is loaded only where it is used: a function's cold start is short of time. */
async function open({ url, caFile }: Refusing): Promise<Socket> {
  const { protocol, hostname, port } = new URL(url)
  const host = hostname.replace(/^\[|\]$/g, '')
  if (protocol === 'amqp:') return tcpConnect({ host, port: Number(port || 5672) })
  const ca = caFile === undefined ? {} : { ca: readPem(caFile) }
  const { connect: tlsConnect } = await import('node:tls')
  return tlsConnect({ host, port: Number(port || 5671), servername: host, ...ca })
}

async function talk(socket: Socket, url: URL): Promise<string | undefined> {
  for await (const { method, fields } of methods(socket)) {
    if (method === START) socket.write(frame(START_OK, credentials(url)))
    if (method === TUNE) {
      socket.write(frame(TUNE_OK, fields)) // What the broker proposes is accepted.
      socket.write(frame(OPEN, Buffer.concat([shortString(vhostOf(url)), Buffer.alloc(2)])))
    }
    if (method === OPEN_OK) return undefined
    if (method === CLOSE) return readShortString(fields, CODE_BYTES)
  }
  return undefined
}

/** What comes in on channel 0; the handshake has no other frames. */
async function* methods(socket: Socket) {
  let rest = Buffer.alloc(0)
  for await (const chunk of socket as AsyncIterable<Buffer>) {
    rest = Buffer.concat([rest, chunk])
    while (rest.length >= HEAD_BYTES) {
      const end = FRAME_OVERHEAD + rest.readUInt32BE(SIZE_AT)
      if (rest.length < end) break
      const method = rest.readUInt32BE(HEAD_BYTES)
      yield { method, fields: rest.subarray(HEAD_BYTES + METHOD_BYTES, end - 1) }
      rest = rest.subarray(end)
    }
  }
}

function frame(method: number, fields: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES + METHOD_BYTES)
  head[0] = FRAME_METHOD
  head.writeUInt32BE(METHOD_BYTES + fields.length, SIZE_AT)
  head.writeUInt32BE(method, HEAD_BYTES)
  return Buffer.concat([head, fields, Buffer.from([FRAME_END])])
}

/** No client properties, PLAIN, the login, a locale. */
function credentials({ username, password }: URL): Buffer {
  const login = Buffer.from(`\0${decodeURIComponent(username)}\0${decodeURIComponent(password)}`)
  const size = Buffer.alloc(4)
  size.writeUInt32BE(login.length)
  const noTable = Buffer.alloc(4)
  return Buffer.concat([noTable, shortString('PLAIN'), size, login, shortString('en_US')])
}

const vhostOf = ({ pathname }: URL): string => decodeURIComponent(pathname.slice(1)) || '/'

const readShortString = (bytes: Buffer, offset: number): string =>
  bytes.toString('utf8', offset + 1, offset + 1 + (bytes[offset] ?? 0))
