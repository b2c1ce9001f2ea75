import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Stack } from './docker.ts'

/** How one publication ended. */
export interface Answered {
  readonly id: number
  /** performance.now() when it was begun. */
  readonly begunMs: number
  readonly tookMs: number
  /** Undefined: no answer. */
  readonly status: number | undefined
  readonly contentType: string
  /** `published`, or what the problem says; without an answer `unknown`. */
  readonly outcome: string
  /** For a message when an assertion fails. */
  readonly text: string
}

/** Callers that go on publishing ids of their own, each one after another. */
export interface StackLoad {
  readonly answered: readonly Answered[]
  /** Resolves with the first 200 that was begun after `sinceMs`. */
  nextPublished(sinceMs: number, withinMs: number): Promise<Answered>
  /** Resolves when the last answer has come. */
  stop(): Promise<void>
}

export interface LoadOptions {
  readonly token: string
  readonly callers: number
  /** Between two publications of one caller. */
  readonly pauseMs: number
  /** Stops by itself after so many. @default endless */
  readonly count?: number
  /** A text that every body has. @default none */
  readonly mark?: string
}

/** Begins to publish: message ids 0, 1, 2, … as JSON bodies. */
export function startLoad(
  { host = '127.0.0.1', port }: Pick<Stack, 'port'> & { readonly host?: string },
  { token, callers, pauseMs, count = Number.POSITIVE_INFINITY, mark = '' }: LoadOptions,
): StackLoad & { readonly ended: Promise<unknown> } {
  const agent = new Agent({ keepAlive: true })
  const answered: Answered[] = []
  let next = 0
  let stopping = false
  const call = async () => {
    while (!stopping && next < count) {
      const id = next++
      answered.push(await publishId({ agent, host, port, token, mark }, id))
      await sleep(pauseMs)
    }
  }
  const ended = Promise.all(Array.from({ length: callers }, call)).finally(() => agent.destroy())
  return {
    answered,
    ended,
    nextPublished: async (sinceMs, withinMs) => {
      while (performance.now() < sinceMs + withinMs) {
        const found = answered.find(({ begunMs, status }) => begunMs > sinceMs && status === 200)
        if (found) return found
        await sleep(20)
      }
      throw new Error(`nothing was published within ${withinMs} ms: ${answered.at(-1)?.text}`)
    },
    stop: async () => {
      stopping = true
      await ended
    },
  }
}

async function publishId(caller: Caller, id: number): Promise<Answered> {
  const begunMs = performance.now()
  const answer = await post(caller, id).catch((error: Error) => error)
  const tookMs = performance.now() - begunMs
  if (answer instanceof Error) {
    const none = { status: undefined, contentType: '', outcome: 'unknown', text: String(answer) }
    return { id, begunMs, tookMs, ...none }
  }
  const { status, contentType, body } = answer
  const outcome = status === 200 ? 'published' : String(JSON.parse(body).outcome)
  return { id, begunMs, tookMs, status, contentType, outcome, text: `${status} ${body}` }
}

interface Caller {
  readonly agent: Agent
  readonly host: string
  readonly port: number
  readonly token: string
  readonly mark: string
}

// By hand: thousands of requests, beside a whole stack on the same two cores.
async function post({ agent, host, port, token, mark }: Caller, id: number) {
  const body = JSON.stringify({ id, mark })
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': body.length,
    'idempotency-key': String(id),
  }
  const target = { host, port, method: 'POST', path: '/publish/exchange' }
  const outgoing = request({ ...target, headers, agent, signal: AbortSignal.timeout(30_000) })
  outgoing.end(body)
  const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
  return {
    status: response.statusCode as number,
    contentType: String(response.headers['content-type']),
    body: await text(response),
  }
}
