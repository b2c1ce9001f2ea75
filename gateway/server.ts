import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { Server as NetServer } from 'node:net'
import type { Cors } from '#lib/http/cors.ts'
import { invalid } from '#lib/http/faults.ts'
import { problemResponse } from '#lib/http/problem.ts'
import type { Multi } from '#lib/http/request.ts'
import { failureAnswered, logFailure, type OnAnswered } from '#lib/http/respond.ts'
import type { AnyResponse, HttpResponse } from '#lib/http/response.ts'
import type { Log } from '#lib/log.ts'
import type { Admitted, App } from './app.ts'
import { answerUnparsed } from './parser-errors.ts'
import { readHead, requestIdOf } from './request.ts'

export interface GatewayServerOptions {
  readonly app: App
  readonly log: Log
  readonly host: string
  readonly port: number
  readonly maxConnections: number
  /** From the first byte of a request to the last of its body. */
  readonly requestTimeoutMs: number
  readonly cors: Cors
  /** Hears of the requests that never reached a function. */
  readonly onRefused: OnAnswered
}

export interface GatewayServer {
  readonly port: number
  /** Requests under way. */
  active(): number
  /** Takes no new connections, answers what is under way and what still comes in, at most `graceMs`. */
  drain(graceMs: number): Promise<void>
}

/** Head in all; an address of 8 KiB and headers of 8 KiB are the edge's limits, too. */
const MAX_HEAD_BYTES = 32 * 1024
const HEAD_TIMEOUT_MS = 10_000
/** Longer than the edge keeps an idle connection (60 s), so that never we close the one it is using. */
const KEEP_ALIVE_MS = 75_000
/** A caller who is told 413 is still sending; this long he may, so that he reads the answer. */
const LINGER_MS = 2000
/** Callers with open connections get this long to send what they had begun with. */
const LAST_CALL_MS = 500
const POLL_MS = 20

/** Listens; resolves once connections are accepted. @throws {Error} the address is taken, or not ours */
export async function startServer(options: GatewayServerOptions): Promise<GatewayServer> {
  const server = createServer({
    maxHeaderSize: MAX_HEAD_BYTES,
    headersTimeout: Math.min(HEAD_TIMEOUT_MS, options.requestTimeoutMs),
    requestTimeout: options.requestTimeoutMs,
    keepAliveTimeout: KEEP_ALIVE_MS,
    connectionsCheckingInterval: 1000,
    requireHostHeader: false, // We check it, and say what is wrong.
    noDelay: true,
  })
  server.maxConnections = options.maxConnections
  const note = answerUnparsed(server, options.log)
  const state: State = { ...options, note, active: 0, draining: false }
  server.on('request', (incoming, response) => void serve(state, incoming, response))
  server.on('checkContinue', (incoming, response) => void serve(state, incoming, response, true))
  server.on('checkExpectation', (incoming, response) => {
    const fault = invalid(['headers', 'Expect'], 'Only 100-continue can be expected.')
    note(response)
    void send(state, incoming, response, failed(state, incoming, fault))
  })
  Object.assign(server, HALF_OPEN)
  await listen(server, options)
  return {
    port: (server.address() as { port: number }).port,
    active: () => state.active,
    drain: (graceMs) => drain(server, state, graceMs),
  }
}

/** A caller who ends his side when he has sent all (netcat does) gets his answers all the same; Node's types lack it. */
const HALF_OPEN = { httpAllowHalfOpen: true }

interface State extends GatewayServerOptions {
  /** See {@link answerUnparsed}. */
  readonly note: (response: ServerResponse) => void
  active: number
  draining: boolean
}

function listen(server: Server, { host, port }: GatewayServerOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** One request. What waits for a `100 Continue` gets it only when it is admitted. */
async function serve(
  state: State,
  incoming: IncomingMessage,
  response: ServerResponse,
  expectsContinue = false,
): Promise<void> {
  state.active += 1
  state.note(response)
  try {
    const answer = await answerOf(state, incoming, response, expectsContinue)
    const lingering = send(state, incoming, response, answer)
    if (lingering) await lingering
  } finally {
    state.active -= 1
  }
}

async function answerOf(
  state: State,
  incoming: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
): Promise<AnyResponse> {
  try {
    // Known at once with a token that is fixed, and then not awaited: that would cost each request a turn.
    const admitting = admit(state, incoming)
    const admitted = admitting instanceof Promise ? await admitting : admitting
    if (expectsContinue && admitted.readsBody) response.writeContinue()
    return await admitted.answer()
  } catch (error) {
    return failed(state, incoming, error)
  }
}

/** @throws {WarrenError} as App.admit does */
function admit({ cors, app }: State, incoming: IncomingMessage): Admitted | Promise<Admitted> {
  const head = readHead(incoming)
  const preflight = cors.preflight(head)
  if (preflight) return { readsBody: false, answer: async () => preflight }
  return app.admit(head, incoming)
}

/** The answer to a request that never reached its function; the functions log their own. */
function failed(
  { log, onRefused }: State,
  incoming: IncomingMessage,
  error: unknown,
): HttpResponse {
  const given = incoming.headers['x-request-id']
  const requestId = requestIdOf(new Map([['x-request-id', [String(given ?? '')]]]))
  const response = problemResponse(error, { instance: requestId })
  logFailure(log, error, { requestId, status: response.status })
  onRefused(failureAnswered(error, response.status, 0))
  return response
}

/** Resolves when a caller who is still sending has had the time to read the answer; nothing for the others. */
function send(
  state: State,
  incoming: IncomingMessage,
  response: ServerResponse,
  answer: AnyResponse,
): Promise<void> | undefined {
  const { status, headers, body } = state.cors.allow({ headers: originOf(incoming) }, answer)
  const unread = !incoming.complete
  // In one list of names and values, as Node writes them: an object of them is made and read the slow way.
  const length = String(Buffer.byteLength(body))
  const list = ['content-length', length]
  for (const name of Object.keys(headers)) list.push(name, headers[name] as string)
  // The page's function says it itself, on Lambda too; a name given twice would be sent twice.
  if (headers[NOSNIFF] === undefined) list.push(NOSNIFF, 'nosniff')
  // Behind a request with Upgrade, Node loses what came with it in one packet: the caller is told by this.
  const isLast = unread || state.draining || incoming.headers.upgrade !== undefined
  if (isLast) list.push('connection', 'close')
  response.writeHead(status, list)
  if (!unread) {
    response.end(body)
    return undefined
  }
  response.write(body)
  return linger(incoming).then(() => void response.end())
}

const NOSNIFF = 'x-content-type-options'

const originOf = ({ headers: { origin } }: IncomingMessage): Multi =>
  origin === undefined ? NONE : new Map([['origin', [origin]]])

const NONE: Multi = new Map()

/** Closing at once would reset the connection, and the caller would lose the answer with it. */
function linger(incoming: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    if (incoming.destroyed || incoming.socket.readableEnded) return resolve()
    const timer = setTimeout(resolve, LINGER_MS)
    const done = () => {
      clearTimeout(timer)
      resolve()
    }
    incoming.once('end', done).once('close', done).resume()
  })
}

async function drain(server: Server, state: State, graceMs: number): Promise<void> {
  state.draining = true
  const until = performance.now() + graceMs
  // http.Server's own close() ends idle connections at once, also one on which a request is on its way.
  NetServer.prototype.close.call(server)
  await new Promise((resolve) => setTimeout(resolve, Math.min(LAST_CALL_MS, graceMs)))
  server.closeIdleConnections()
  while (state.active > 0 && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  server.closeAllConnections()
}
