import type { IncomingMessage } from 'node:http'
import { WarrenError } from '#lib/errors.ts'
import { invalid } from '#lib/http/faults.ts'
import { badPath } from '#lib/http/path.ts'
import { type HttpRequest, type Multi, valuesOf } from '#lib/http/request.ts'
import { uuidv7 } from '#lib/uuid.ts'

/** A request before its body has been read. */
export type Head = Omit<HttpRequest, 'body'>

/** The longest address; the same as nginx's and API Gateway's largest header line. */
const LONGEST_TARGET = 8192

/**
 * The head of a request as the functions want it.
 * @throws {WarrenError} uri-too-long; invalid-request: not one Host, or an address that is not a path
 */
export function readHead(incoming: IncomingMessage): Head {
  const { method = '', url = '' } = incoming
  const headers = headersOf(incoming.rawHeaders)
  if (url.length > LONGEST_TARGET) throw new WarrenError('uri-too-long')
  // `http://host/path` reaches us as it is, and two servers may not agree on which host counts.
  if (!url.startsWith('/')) throw badPath('must be a path')
  const hosts = valuesOf(headers, 'host')
  const mayLack = incoming.httpVersion === '1.0'
  if (hosts.length !== 1 && !(mayLack && hosts.length === 0)) {
    throw invalid(['headers', 'Host'], 'Must be given exactly once.')
  }
  const at = url.indexOf('?')
  return {
    method,
    path: at < 0 ? url : url.slice(0, at),
    query: at < 0 ? EMPTY : queryOf(url.slice(at + 1)),
    headers,
    requestId: requestIdOf(headers),
  }
}

const EMPTY: Multi = new Map()
const REQUEST_ID = /^[\w-]{16,64}$/

/** The id that the edge gave the request, so that its log and ours can be put together; else a new one. */
export function requestIdOf(headers: Multi): string {
  const [given = ''] = valuesOf(headers, 'x-request-id')
  return REQUEST_ID.test(given) ? given : uuidv7()
}

/** @param raw names and values in turn, as Node gives them: nothing merged, nothing dropped. */
function headersOf(raw: readonly string[]): Multi {
  const headers = new Map<string, string[]>()
  for (let at = 0; at < raw.length; at += 2) {
    const name = (raw[at] as string).toLowerCase()
    const values = headers.get(name)
    if (values) values.push(raw[at + 1] as string)
    else headers.set(name, [raw[at + 1] as string])
  }
  return headers
}

function queryOf(text: string): Multi {
  const query = new Map<string, string[]>()
  for (const [name, value] of new URLSearchParams(text)) {
    query.set(name, [...(query.get(name) ?? []), value])
  }
  return query
}
