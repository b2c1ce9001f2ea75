import { once } from 'node:events'
import { Agent, type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Ledger, Told } from './ledger.ts'
import type { Pace } from './pace.ts'

/** How a caller reads an answer. */
export interface Answer {
  readonly told: Told
  /** For the log: `200`, or the code of a problem, or what went wrong. */
  readonly label: string
}

export interface CallersOptions {
  readonly port: number
  readonly token: string
  readonly count: number
  /** The exchange that takes this id. */
  readonly exchangeOf: (id: number) => string
  readonly read: (status: number, body: string) => Answer
  readonly pace: Pace
  readonly ledger: Ledger
}

/** What the callers have seen. */
export interface Callers {
  /** How often each label was given, since the last time that this was asked. */
  takeLabels(): ReadonlyMap<string, number>
  /** When the last acknowledged publication to this exchange was begun; on performance.now()'s clock. */
  lastAckedMs(exchange: string): number
  /** The longest wait for an answer so far, in seconds. */
  longestWaitS(): number
  /** Resolves when there are no more ids and all answers are there. */
  readonly ended: Promise<unknown>
}

/** A caller who was refused does not come again at once. */
const BACK_OFF_MS = 100
/** Longer than anything may take; a caller who is not answered by then counts as waiting that long. */
const GIVE_UP_MS = 20_000

/** Starts callers, each of which publishes one id after the other: `{"id":17}` under the id 17. */
export function startCallers(options: CallersOptions): Callers {
  const { count, exchangeOf, pace, ledger } = options
  const agent = new Agent({ keepAlive: true })
  let longestWaitS = 0
  const lastAcked = new Map<string, number>()
  let labels = new Map<string, number>()

  const publish = async (id: number): Promise<Told> => {
    const exchange = exchangeOf(id)
    const begunMs = performance.now()
    ledger.begun(id)
    const { told, label } = await post(options, agent, exchange, id)
    ledger.answered(id, told)
    longestWaitS = Math.max(longestWaitS, (performance.now() - begunMs) / 1000)
    labels.set(label, (labels.get(label) ?? 0) + 1)
    if (told === 'acked') lastAcked.set(exchange, Math.max(lastAcked.get(exchange) ?? 0, begunMs))
    return told
  }
  const call = async () => {
    for (let id = await pace.next(); id !== undefined; id = await pace.next()) {
      if ((await publish(id)) !== 'acked') await sleep(BACK_OFF_MS)
    }
  }
  return {
    longestWaitS: () => longestWaitS,
    lastAckedMs: (exchange) => lastAcked.get(exchange) ?? 0,
    takeLabels: () => {
      const taken = labels
      labels = new Map()
      return taken
    },
    ended: Promise.all(Array.from({ length: count }, call)).finally(() => agent.destroy()),
  }
}

async function post(
  { port, token, read }: CallersOptions,
  agent: Agent,
  exchange: string,
  id: number,
): Promise<Answer> {
  const body = bodyOf(id)
  const headers = {
    authorization: `Bearer ${token}`,
    'content-type': 'application/json',
    'content-length': body.length,
    'idempotency-key': String(id),
  }
  const path = `/publish/${exchange}`
  const target = { host: '127.0.0.1', port, method: 'POST', path, headers, agent }
  try {
    const outgoing = request({ ...target, signal: AbortSignal.timeout(GIVE_UP_MS) })
    outgoing.on('error', () => {}) // Whoever waits for the answer hears of it.
    outgoing.end(body)
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage]
    return read(response.statusCode as number, await text(response))
  } catch (error) {
    const { code, name } = error as NodeJS.ErrnoException
    return { told: 'unknown', label: `no answer (${code ?? name})` }
  }
}

/** The body of an id's message. */
export const bodyOf = (id: number): string => `{"id":${id}}`
