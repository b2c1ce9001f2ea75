import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Agent, type OutgoingHttpHeaders, request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { seeded } from '../support/seeded.ts'

/** What was sent, and what came back: requests by status. */
export type Answers = Record<string, number>

export interface Traffic {
  /** Of requests, as long as they last. */
  run(until: number): Promise<void>
  readonly answers: Answers
}

interface Sent {
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body: Buffer | string
  /** Sends the half of the body and goes away. */
  readonly leaves?: boolean
}

const JSON_TYPE = { 'content-type': 'application/json' }
const KB = 1000
const LARGE_BYTES = 20 * 1024 * KB
/** What bodies are cut from; a body made for each request would cost more than the request. */
const NOISE = randomBytes(LARGE_BYTES)
const TEXT = NOISE.toString('base64')

type Kind = (chance: () => number) => Sent
const between = (chance: () => number, from: number, to: number) =>
  Math.floor(from * (to / from) ** chance())

const binary: Kind = (chance) => ({
  path: '/publish/soak',
  headers: { 'content-type': 'application/octet-stream' },
  body: NOISE.subarray(0, between(chance, 100, 300 * KB)),
})
const json: Kind = (chance) => ({
  path: '/publish/soak',
  headers: JSON_TYPE,
  body: JSON.stringify({ n: chance(), text: TEXT.slice(0, between(chance, 100, 20 * KB)) }),
})
const batch: Kind = (chance) => {
  const items = between(chance, 1, 1000)
  const payload = TEXT.slice(0, between(chance, 10, 300 * KB) / items)
  return {
    path: '/batch/soak',
    headers: JSON_TYPE,
    body: JSON.stringify(Array(items).fill({ payload, properties: { headers: { n: 1 } } })),
  }
}
const ndjson: Kind = (chance) => ({
  path: '/batch/soak',
  headers: { 'content-type': 'application/x-ndjson' },
  body: `{"payload":"${TEXT.slice(0, 500)}"}\n`.repeat(between(chance, 1, 300)),
})
/** What is refused: by its exchange, by its JSON, by its items, by its token. */
const refused: readonly Kind[] = [
  () => ({ path: '/publish/nowhere', body: 'x' }),
  () => ({ path: '/publish/soak', headers: JSON_TYPE, body: '{"cut":' }),
  () => ({ path: '/batch/soak', headers: JSON_TYPE, body: '[{"payload":"x"},{"paylod":"y"}]' }),
  () => ({ path: '/publish/soak', headers: { authorization: 'Bearer none' }, body: 'x' }),
  () => ({ path: '/nothing', body: 'x' }),
]
const leaves: Kind = (chance) => ({ ...binary(chance), leaves: true })
const large: Kind = () => ({
  path: '/publish/soak',
  headers: JSON_TYPE,
  body: `"${TEXT.slice(0, LARGE_BYTES - 2)}"`,
})

/** Of 100 requests, in this order; the rest is `binary`. */
const MIX: readonly (readonly [number, Kind])[] = [
  [40, json],
  [6, batch],
  [3, ndjson],
  [8, (chance) => (refused[Math.floor(chance() * refused.length)] as Kind)(chance)],
  [1, leaves],
]

function anyOf(chance: () => number): Sent {
  let place = chance() * 100
  for (const [share, kind] of MIX) {
    if (place < share) return kind(chance)
    place -= share
  }
  return binary(chance)
}

export interface TrafficOptions {
  readonly origin: string
  readonly token: string
  /** Requests a second. */
  readonly rate: number
  readonly seed: number
}

/** More under way than this, and one is left out: a soak is no test of overload. */
const MOST_UNDER_WAY = 64
const TICK_MS = 50
const LARGE_EVERY_MS = 15_000
/** A tenth of the callers opens a connection for each request. */
const FRESH = 0.1

/** Mixed traffic at a fixed rate: messages of 100 bytes to 300 kB, batches, what is refused, 20 MB at times. */
export function createTraffic({ origin, token, rate, seed }: TrafficOptions): Traffic {
  const chance = seeded(seed)
  const agent = new Agent({ keepAlive: true, maxSockets: MOST_UNDER_WAY })
  const answers: Answers = {}
  let underWay = 0
  const send = async (sent: Sent) => {
    underWay += 1
    const status = await statusOf(sent).catch(() => 'broken')
    underWay -= 1
    answers[status] = (answers[status] ?? 0) + 1
  }
  async function statusOf({ path, headers, body, leaves: half = false }: Sent): Promise<string> {
    const outgoing = request(`${origin}${path}`, {
      method: 'POST',
      agent: half || chance() < FRESH ? false : agent,
      headers: {
        authorization: `Bearer ${token}`,
        'content-length': Buffer.byteLength(body),
        ...headers,
      },
      signal: AbortSignal.timeout(30_000),
    })
    if (half) {
      outgoing.on('error', () => {})
      outgoing.write(body.slice(0, body.length / 2), () => outgoing.destroy())
      await once(outgoing, 'close')
      return 'left'
    }
    outgoing.end(body)
    const [response] = await once(outgoing, 'response')
    response.resume()
    await once(response, 'close')
    return String(response.statusCode)
  }
  async function run(until: number): Promise<void> {
    const start = Date.now()
    let sent = 0
    let larges = 0
    while (Date.now() < until) {
      const elapsed = Date.now() - start
      const due = Math.floor((elapsed / 1000) * rate)
      for (; sent < due; sent += 1) if (underWay < MOST_UNDER_WAY) void send(anyOf(chance))
      for (; larges < elapsed / LARGE_EVERY_MS; larges += 1) void send(large(chance))
      await sleep(TICK_MS)
    }
    while (underWay > 0) await sleep(TICK_MS)
    agent.destroy()
  }
  return { run, answers }
}
