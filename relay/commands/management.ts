import { readFileSync } from 'node:fs'
import { request as overHttp } from 'node:http'
import { request as overHttps } from 'node:https'
import { text } from 'node:stream/consumers'
import type { BindingSpec } from '#lib/amqp/topology.ts'

/** The part of RabbitMQ's management API that AMQP has no word for. */
export interface Management {
  /**
   * The bindings that bring messages to this queue or exchange, but for the default exchange's.
   * @throws {Error} one line: the API cannot be reached, or refuses
   */
  bindingsTo(destination: BindingSpec['destination']): Promise<readonly BindingSpec[]>
}

export interface ManagementOptions {
  /** Where the API is, without `/api`; may carry user and password. */
  readonly url: URL
  /** The relay's broker URL, for its vhost, and for its login when `url` has none. */
  readonly amqpUrl: string
  /** PEM file of the authority that signed the API's certificate. @default the system's */
  readonly caFile?: string
}

const ANSWER_MS = 10_000
const OK = 200
const NOT_FOUND = 404

interface ApiBinding {
  readonly source: string
  readonly routing_key: string
  readonly arguments: Readonly<Record<string, unknown>>
}

export function createManagement(options: ManagementOptions): Management {
  const vhost = vhostOf(options.amqpUrl)
  return {
    bindingsTo: async (destination) => {
      const { kind, name } = destination
      const path =
        kind === 'queue'
          ? ['queues', vhost, name, 'bindings']
          : ['exchanges', vhost, name, 'bindings', 'destination']
      const bindings = ((await get(options, path)) ?? []) as readonly ApiBinding[]
      return bindings
        .filter(({ source }) => source !== '')
        .map(({ source, routing_key: key, arguments: given }) => ({
          source,
          destination,
          key,
          arguments: given,
        }))
    },
  }
}

/** As amqplib reads it: no path, or `/` alone, is the vhost `/`. */
const vhostOf = (amqpUrl: string): string =>
  decodeURIComponent(new URL(amqpUrl).pathname.slice(1)) || '/'

/** The answer; undefined: there is no such thing. */
async function get(options: ManagementOptions, path: readonly string[]): Promise<unknown> {
  const { url } = options
  const prefix = url.pathname.replace(/\/$/, '')
  const target = new URL(`${prefix}/api/${path.map(encodeURIComponent).join('/')}`, url.origin)
  const { status, body } = await ask(target, options).catch((cause) => {
    throw new Error(`the management API at ${url.origin} cannot be reached`, { cause })
  })
  if (status === NOT_FOUND) return undefined
  if (status !== OK) throw new Error(`the management API at ${url.origin} answers ${status}`)
  try {
    return JSON.parse(body)
  } catch {
    throw new Error(`what answers at ${url.origin} is not RabbitMQ's management API`)
  }
}

function ask(target: URL, { url, amqpUrl, caFile }: ManagementOptions) {
  const { username, password } = url.username === '' ? new URL(amqpUrl) : url
  const auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const signal = AbortSignal.timeout(ANSWER_MS)
  const options =
    caFile === undefined ? { auth, signal } : { auth, signal, ca: readFileSync(caFile) }
  const request = target.protocol === 'https:' ? overHttps : overHttp
  return new Promise<{ readonly status: number; readonly body: string }>((resolve, reject) => {
    const asked = request(target, options, (response) => {
      const { statusCode: status = 0 } = response
      text(response).then((body) => resolve({ status, body }), reject)
    })
    asked.on('error', reject)
    asked.end()
  })
}
