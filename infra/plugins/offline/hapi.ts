import type { IncomingMessage } from 'node:http'

/** What we use of hapi, serverless-offline's HTTP server. */
export interface HapiServer {
  readonly info: { readonly port: number }
  table(): readonly HapiRoute[]
  route(route: { method: string; path: string; handler: HapiHandler; options?: object }): void
  /** The route that would answer; throws for a path that cannot be decoded. */
  match(method: string, path: string): HapiRoute | null
  ext(event: 'onRequest' | 'onPreAuth' | 'onPreResponse', extension: HapiHandler): void
}

export interface HapiRoute {
  readonly method: string
  readonly path: string
  readonly settings: { readonly payload?: { maxBytes: number } | null }
}

export type HapiHandler = (request: HapiRequest, h: HapiToolkit) => unknown

export interface HapiRequest {
  method: string
  /** Routing goes by it, and so does the function's event. */
  path: string
  /** hapi acts by them; the function's event is made of `raw.req.rawHeaders`. */
  readonly headers: Record<string, string | undefined>
  readonly info: { acceptEncoding: string }
  readonly raw: { readonly req: IncomingMessage }
  readonly response: HapiResponse | HapiError
}

export interface HapiResponse {
  readonly isBoom?: undefined
  readonly statusCode: number
  readonly headers: Record<string, unknown>
  code(status: number): HapiResponse
  header(name: string, value: string): HapiResponse
  /** The charset that hapi adds to the content type; '' is none. */
  charset(charset: string): HapiResponse
}

/** An error of hapi's own, or one that serverless-offline gave it. */
export interface HapiError {
  readonly isBoom: true
  readonly output: { readonly statusCode: number }
}

export interface HapiToolkit {
  readonly continue: symbol
  response(body: string): HapiResponse
}
