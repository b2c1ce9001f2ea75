import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

/** What came back on a connection of our own, taken apart as little as possible. */
export interface RawAnswer {
  /** Undefined when nothing that looks like an answer came in time. */
  readonly status: number | undefined
  /** Names in lower case; of a repeated one the last. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
  /** Everything as it came. */
  readonly text: string
}

export interface RawOptions {
  /** @default 15000: an answer comes at once, on a machine that is not busy */
  readonly timeoutMs?: number
  /** Read on after the first answer, until the connection ends or the time is over. */
  readonly untilEnd?: boolean
}

/**
 * Sends bytes as they are, which no HTTP client would, and gives the first answer. Never rejects: a
 * connection that is refused or reset gives an answer without a status.
 */
export function sendRaw(
  port: number,
  request: string | Buffer,
  { timeoutMs = 15_000, untilEnd = false }: RawOptions = {},
): Promise<RawAnswer> {
  return new Promise((resolve) => {
    let text = ''
    const socket = connect(port, '127.0.0.1', () => socket.write(request))
    const end = () => {
      clearTimeout(timer)
      socket.destroy()
      resolve(parseAnswer(text))
    }
    const timer = setTimeout(end, timeoutMs)
    socket.setEncoding('latin1')
    socket.on('data', (chunk: string) => {
      text += chunk
      if (!untilEnd && isWhole(text)) end()
    })
    socket.on('error', end)
    socket.on('close', end)
  })
}

export interface PartsOptions {
  readonly timeoutMs?: number
  /** Between one part and the next. @default 0 */
  readonly pauseMs?: number
  /** End the sending side after the last part. */
  readonly end?: boolean
}

/** Sends bytes part by part, and gives every answer until the other side ends the connection. */
export async function sendRawParts(
  port: number,
  parts: readonly (string | Buffer)[],
  { timeoutMs = 15_000, pauseMs = 0, end = false }: PartsOptions = {},
): Promise<RawAnswer[]> {
  let text = ''
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.setEncoding('latin1')
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, timeoutMs)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    socket.on('data', (chunk: string) => {
      text += chunk
    })
    socket.on('error', done).on('end', done).on('close', done)
  })
  for (const part of parts) {
    socket.write(part)
    if (parts.length > 1) await sleep(pauseMs)
  }
  if (end) socket.end()
  await over
  socket.destroy()
  return answersIn(text)
}

/** All answers that came one after the other. */
function answersIn(text: string): RawAnswer[] {
  if (text === '') return []
  const first = parseAnswer(text)
  const length = Number(first.headers.get('content-length') ?? first.body.length)
  const one = { ...first, body: first.body.slice(0, length) }
  return [one, ...answersIn(first.body.slice(length))]
}

/** A request from its lines: CRLF after each, and one more at the end. */
export const lines = (...each: readonly string[]): string => `${each.join('\r\n')}\r\n\r\n`

/** Takes an answer apart. */
export function parseAnswer(text: string): RawAnswer {
  const [head = '', ...rest] = text.split('\r\n\r\n')
  const [first = '', ...fields] = head.split('\r\n')
  const status = /^HTTP\/1\.[01] (\d{3})/.exec(first)?.[1]
  return {
    status: status === undefined ? undefined : Number(status),
    headers: new Map(fields.map(toField)),
    body: rest.join('\r\n\r\n'),
    text,
  }
}

function toField(line: string): [string, string] {
  const colon = line.indexOf(':')
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
}

function isWhole(text: string): boolean {
  const { status, headers, body } = parseAnswer(text)
  const length = headers.get('content-length')
  if (status !== undefined && status < 200) return true // The rest depends on what is sent next.
  return status !== undefined && length !== undefined && body.length >= Number(length)
}
