/** An answer as both shells send it. `Body`: a text goes out as UTF-8, bytes as they are. */
export interface HttpResponse<Body extends string | Buffer = string> {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Body
}

/** An answer of either kind. */
export type AnyResponse = HttpResponse<string | Buffer>

/** An answer whose body is `value` as JSON. Nothing that Warren says may be cached. */
export function jsonResponse(status: number, value: unknown): HttpResponse {
  return {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
    body: JSON.stringify(value),
  }
}
