import type { Principal } from '#lib/auth/grants.ts'
import { deadlineIn } from '#lib/deadline.ts'
import type { HttpRequest, Multi } from '#lib/http/request.ts'
import type { Log, LogFields } from '#lib/log.ts'

/** One value of a name, or several. */
export type Values = Readonly<Record<string, string | readonly string[]>>

/** Name and values as the functions get them. */
const multi = (values: Values): Multi =>
  new Map(Object.entries(values).map(([name, value]) => [name, [value].flat()]))

/** What a test says of a request; the rest is a plain POST. */
export interface RequestOptions {
  readonly method?: string
  readonly path?: string
  readonly query?: Values
  /** Names in lower case. */
  readonly headers?: Values
  readonly body?: Buffer | string
  readonly requestId?: string
}

/** A request; if nothing else is said, the body `{}` posted to the exchange `orders`. */
export function request(options: RequestOptions = {}): HttpRequest {
  const { method = 'POST', path = '/publish/orders', query = {}, headers = {} } = options
  const { body = '{}', requestId = 'request-1' } = options
  const bytes = typeof body === 'string' ? Buffer.from(body) : body
  return { method, path, query: multi(query), headers: multi(headers), body: bytes, requestId }
}

/** A caller who may publish everywhere. */
export const anybody: Principal = { name: 'tester', publish: [{ exchange: '*' }] }

/** A request of a known caller, with seconds to go. */
export const publishRequest = (options: RequestOptions = {}, principal: Principal = anybody) => ({
  ...request(options),
  principal,
  deadline: deadlineIn(5_000),
})

/** One line of a log. */
export type Line = LogFields & { readonly level: string; readonly message: string }

/** A log that keeps its lines. */
export function recordedLog(): { readonly log: Log; readonly lines: Line[] } {
  const lines: Line[] = []
  const at = (level: string, own: LogFields) => (fields: LogFields, message: string) =>
    void lines.push({ ...own, ...fields, level, message })
  const make = (own: LogFields): Log => ({
    debug: at('debug', own),
    info: at('info', own),
    warn: at('warn', own),
    error: at('error', own),
    child: (more) => make({ ...own, ...more }),
  })
  return { log: make({}), lines }
}
