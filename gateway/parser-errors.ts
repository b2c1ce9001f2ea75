import { randomUUID } from 'node:crypto'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { WarrenError } from '#lib/errors.ts'
import { invalid } from '#lib/http/faults.ts'
import { problemResponse } from '#lib/http/problem.ts'
import { logFailure } from '#lib/http/respond.ts'
import type { Log } from '#lib/log.ts'

/** The part of Node's server that knows what it could not read. */
export type Unparsed = Pick<Server, 'on'>

/** Bytes that follow an error are read and thrown away for so long: closing at once would lose the answer. */
const LINGER_MS = 2000

/**
 * Answers what Node's parser could not read, in the same form as everything else, and ends the
 * connection. The answers of all requests that came before are given first, and a request whose own
 * body broke off is the one that fails.
 * @returns notes a request that is under way; to be called with each
 */
export function answerUnparsed(server: Unparsed, log: Log): (response: ServerResponse) => void {
  const newest = new WeakMap<Duplex, ServerResponse>()
  const over = new WeakSet<Duplex>()
  const fail = (socket: Duplex, problemOf: (before?: IncomingMessage) => WarrenError) => {
    // What comes behind the first error is no request any more, whatever it is.
    if (over.has(socket)) return
    over.add(socket)
    const last = newest.get(socket)
    const problem = problemOf(last?.req)
    if (last === undefined || last.writableFinished) end(socket, problem, log)
    else if (last.req.complete) last.once('finish', () => end(socket, problem, log))
    else breakOff(last.req, problem)
  }
  server.on('clientError', (error: Error & { code?: string }, socket) => {
    if (error.code === 'ECONNRESET') socket.destroy()
    else fail(socket, (before) => unparsed(error, before))
  })
  // Without a listener Node would end the connection, and with it the answers under way.
  server.on('connect', (_, socket) => {
    socket.on('error', () => {}) // Node has taken its own listener away.
    fail(socket, () => new WarrenError('method-not-allowed', { headers: { allow: ALLOWED } }))
  })
  return (response) => void newest.set(response.req.socket, response)
}

const ALLOWED = 'GET, HEAD, POST'

const brokenOff = new WeakMap<IncomingMessage, WarrenError>()

/** Tells whoever reads the body of a request, now or later, that it will never be complete. */
function breakOff(incoming: IncomingMessage, problem: WarrenError): void {
  brokenOff.set(incoming, problem)
  if (incoming.listenerCount('error') > 0) incoming.emit('error', problem)
}

/** @throws {WarrenError} why the body of a request will never be complete */
export function refuseBrokenOff(incoming: IncomingMessage): void {
  const problem = brokenOff.get(incoming)
  if (problem !== undefined) throw problem
}

function end(socket: Duplex, problem: WarrenError, log: Log): void {
  if (!socket.writable) return
  const requestId = randomUUID()
  const { status, headers, body } = problemResponse(problem, { instance: requestId })
  logFailure(log, problem, { requestId, status })
  const lines = Object.entries({
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}`)
  socket.end(`HTTP/1.1 ${status} ${problem.row.title}\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
  const timer = setTimeout(() => socket.destroy(), LINGER_MS)
  socket.once('close', () => clearTimeout(timer))
  socket.resume()
}

/** @param before the request before the error on the same connection */
function unparsed({ code = '' }: { code?: string }, before?: IncomingMessage): WarrenError {
  if (code === 'HPE_HEADER_OVERFLOW') return new WarrenError('headers-too-large')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new WarrenError('request-timeout')
  if (before === undefined) return invalid([], 'This is not a well-formed HTTP/1.1 request.')
  if (before.complete) return invalid([], BEHIND)
  return invalid(['body'], code === 'HPE_INVALID_EOF_STATE' ? CUT_SHORT : BAD_CHUNK)
}

const BEHIND =
  'What follows the request before on this connection is no HTTP request. If it belongs to its body: Content-Length must be the number of its bytes, not of its characters.'
const CUT_SHORT = 'The connection ended before the whole body was there.'
const BAD_CHUNK = 'The body is not well-formed chunks, as Transfer-Encoding says that it is.'
