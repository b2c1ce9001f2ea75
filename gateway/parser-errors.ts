import { randomUUID } from 'node:crypto'
import type { Duplex } from 'node:stream'
import { WarrenError } from '#lib/errors.ts'
import { invalid } from '#lib/http/faults.ts'
import { problemResponse } from '#lib/http/problem.ts'
import { logFailure } from '#lib/http/respond.ts'
import type { Log } from '#lib/log.ts'

/** Answers what Node's parser could not read, in the same form as everything else, and ends the connection. */
export function answerUnparsed(error: Error & { code?: string }, socket: Duplex, log: Log): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const requestId = randomUUID()
  const problem = unparsed(error)
  const { status, headers, body } = problemResponse(problem, { instance: requestId })
  logFailure(log, problem, { requestId, status })
  const lines = Object.entries({
    ...headers,
    'content-length': String(Buffer.byteLength(body)),
    connection: 'close',
  }).map(([name, value]) => `${name}: ${value}`)
  socket.end(`HTTP/1.1 ${status} ${problem.row.title}\r\n${lines.join('\r\n')}\r\n\r\n${body}`)
}

function unparsed({ code = '' }: { code?: string }): WarrenError {
  if (code === 'HPE_HEADER_OVERFLOW') return new WarrenError('headers-too-large')
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return new WarrenError('request-timeout')
  return invalid([], 'This is not a well-formed HTTP/1.1 request.')
}
