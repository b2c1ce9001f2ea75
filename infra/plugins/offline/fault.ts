/** What API Gateway would answer by itself in place of a function. */
export interface Fault {
  /** A gateway response type, e.g. `DEFAULT_5XX`. */
  readonly type: string
  /** The status when the type's gateway response sets none. */
  readonly status: number
}

/** How a fault gets through serverless-offline, which knows answers of functions only. */
const MARK = 'x-offline-gateway-response'

interface Result {
  readonly headers?: Readonly<Record<string, unknown>>
}

export const gatewayFault = (type: string, status: number) => ({
  statusCode: status,
  headers: { [MARK]: type },
  body: '',
})

/** The function's answer: it cannot claim to be a fault. */
export function withoutMark<R extends Result>(result: R): R {
  const headers = Object.entries(result.headers ?? {})
  return {
    ...result,
    headers: Object.fromEntries(headers.filter(([name]) => name.toLowerCase() !== MARK)),
  }
}

/** The fault that an answer stands for. */
export function faultOf(headers: Readonly<Record<string, unknown>>, status: number) {
  const type = headers[MARK]
  return type === undefined ? undefined : { type: String(type), status }
}

/** What hapi and serverless-offline refuse by themselves, as API Gateway refuses it. */
const REFUSALS: Readonly<Record<number, Fault>> = {
  400: { type: 'BAD_REQUEST_PARAMETERS', status: 400 },
  401: { type: 'UNAUTHORIZED', status: 401 },
  403: { type: 'ACCESS_DENIED', status: 403 },
  404: { type: 'MISSING_AUTHENTICATION_TOKEN', status: 403 },
  413: { type: 'REQUEST_TOO_LARGE', status: 413 },
  500: { type: 'AUTHORIZER_CONFIGURATION_ERROR', status: 500 },
}

export const refusal = (status: number): Fault =>
  REFUSALS[status] ?? { type: status < 500 ? 'DEFAULT_4XX' : 'DEFAULT_5XX', status }
