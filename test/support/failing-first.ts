import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { type ProblemCode, WarrenError } from '#lib/errors.ts'
import { problemResponse } from '#lib/http/problem.ts'
import type { Ending } from './ending.ts'

/** How a try fails, which otherwise would be the gateway's to answer. */
export type Failure =
  /** The connection ends without an answer. */
  | { readonly kind: 'cut' }
  /** Answered in its place. */
  | { readonly kind: 'problem'; readonly code: ProblemCode }
  /** The gateway answers, and this is what arrives of it. */
  | { readonly kind: 'lost'; readonly code: ProblemCode }
  /** Something in between answers, in its own words. */
  | { readonly kind: 'page'; readonly status: number }

/** A try, as it came in. */
export interface Attempt {
  readonly atMs: number
  readonly key: string | undefined
}

export interface FailingFirst {
  readonly origin: string
  readonly attempts: readonly Attempt[]
}

/** Stands before a gateway. The first tries fail so, in this order; then everything passes. */
export async function failingFirst(
  ending: Ending,
  gateway: string,
  failures: readonly Failure[],
): Promise<FailingFirst> {
  const attempts: Attempt[] = []
  const server = createServer(async (incoming, response) => {
    const body = await buffer(incoming)
    const failure = failures[attempts.length]
    attempts.push({ atMs: performance.now(), key: incoming.headers['idempotency-key'] as string })
    if (failure === undefined || failure.kind === 'lost') {
      await passOn(gateway, incoming, body, failure === undefined ? response : undefined)
    }
    if (failure !== undefined) fail(failure, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  ending.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const { port } = server.address() as AddressInfo
  return { origin: `http://127.0.0.1:${port}`, attempts }
}

function fail(failure: Failure, response: ServerResponse): void {
  if (failure.kind === 'cut') return void response.destroy()
  if (failure.kind === 'page') {
    return void response.writeHead(failure.status, { 'content-type': 'text/html' }).end('<p>Sorry')
  }
  const { status, headers, body } = problemResponse(new WarrenError(failure.code))
  response.writeHead(status, headers).end(body)
}

/** @param response gets the answer, if anybody does */
async function passOn(
  gateway: string,
  { method, url, headers }: IncomingMessage,
  body: Buffer,
  response: ServerResponse | undefined,
): Promise<void> {
  const outgoing = request(`${gateway}${url}`, { method, headers, agent: false })
  outgoing.end(body)
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).once('error', reject)
  })
  const received = await buffer(answer)
  response?.writeHead(answer.statusCode ?? 0, answer.headers).end(received)
}
