import { request as overHttps } from 'node:https'
import { text } from 'node:stream/consumers'
import { request as overHttp } from '#lib/http/node-http.ts'
import { readPem } from '#lib/pem.ts'

/** Where RabbitMQ's management API is, and who asks. */
export interface ManagementOptions {
  /** Without `/api`; may carry user and password. */
  readonly url: URL
  /** A URL of the same broker, for its vhost, and for its login when `url` has none. */
  readonly amqpUrl: string
  /** PEM file of the authority that signed the API's certificate, or its text. @default the system's */
  readonly caFile?: string
}

/** The API answered, and not as it should. */
export class ManagementRefused extends Error {
  override readonly name = 'ManagementRefused'
  /** HTTP's. */
  readonly status: number

  constructor(url: URL, status: number, reason: string) {
    super(`the management API at ${url.origin} answers ${status}${reason}`)
    this.status = status
  }
}

type Method = 'GET' | 'PUT' | 'DELETE'

/** A broker that is busy starting may be slow; nothing here is on a caller's way. */
const ANSWER_MS = 10_000
const NOT_FOUND = 404

/**
 * The API's answer, parsed; undefined: it has no body, or there is no such thing.
 * @param path its segments, not encoded, e.g. `['queues', '/', 'a/b']`
 * @throws {ManagementRefused} it answers with another status than 2xx or 404
 * @throws {Error} one line: it cannot be reached within 10 s, or is none
 */
export async function ask(
  options: ManagementOptions,
  method: Method,
  path: readonly string[],
  body?: object,
): Promise<unknown> {
  const { url } = options
  const prefix = url.pathname.replace(/\/$/, '')
  const target = new URL(`${prefix}/api/${path.map(encodeURIComponent).join('/')}`, url.origin)
  const answer = await exchange(target, method, options, body).catch((cause) => {
    throw new Error(`the management API at ${url.origin} cannot be reached`, { cause })
  })
  if (answer.status === NOT_FOUND) return undefined
  if (answer.status < 200 || answer.status > 299) {
    throw new ManagementRefused(url, answer.status, reasonIn(answer.body))
  }
  if (answer.body === '') return undefined
  try {
    return JSON.parse(answer.body)
  } catch {
    throw new Error(`what answers at ${url.origin} is not RabbitMQ's management API`)
  }
}

/** RabbitMQ says `{"error":"bad_request","reason":"…"}`. */
function reasonIn(body: string): string {
  try {
    const { reason } = JSON.parse(body) as { readonly reason?: unknown }
    return typeof reason === 'string' ? `: ${reason}` : ''
  } catch {
    return ''
  }
}

interface Answer {
  readonly status: number
  readonly body: string
}

function exchange(
  target: URL,
  method: Method,
  { url, amqpUrl, caFile }: ManagementOptions,
  body: object | undefined,
): Promise<Answer> {
  const { username, password } = url.username === '' ? new URL(amqpUrl) : url
  const auth = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  const options = {
    method,
    auth,
    headers: { 'content-type': 'application/json' },
    signal: AbortSignal.timeout(ANSWER_MS),
    ...(caFile === undefined ? {} : { ca: readPem(caFile) }),
  }
  const request = target.protocol === 'https:' ? overHttps : overHttp
  return new Promise((resolve, reject) => {
    const asked = request(target, options, (response) => {
      const { statusCode: status = 0 } = response
      text(response).then((answer) => resolve({ status, body: answer }), reject)
    })
    asked.on('error', reject)
    asked.end(body && JSON.stringify(body))
  })
}
