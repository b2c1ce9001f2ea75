import type { Reply } from '../protocols.ts'
import { type GatewayResponseProperties, type Part, partsOf } from './api.ts'

/** API Gateway's own status for each type (its developer guide, "Gateway response types"). */
const STATUS = {
  UNAUTHORIZED: 401,
  ACCESS_DENIED: 403,
  MISSING_AUTHENTICATION_TOKEN: 403,
  REQUEST_TOO_LARGE: 413,
  AUTHORIZER_FAILURE: 500,
  AUTHORIZER_CONFIGURATION_ERROR: 500,
  API_CONFIGURATION_ERROR: 500,
  DEFAULT_5XX: 502,
} as const

export type GatewayResponseType = keyof typeof STATUS

/** An answer that API Gateway gives by itself: the deployed one of this type, or of its class. */
export function gatewayResponse(
  parts: ReadonlyMap<string, Part>,
  type: GatewayResponseType,
  requestId: string,
): Reply {
  const all = partsOf<GatewayResponseProperties>(parts, 'GatewayResponse')
  const status = STATUS[type]
  const find = (wanted: string) => all.find(({ ResponseType }) => ResponseType === wanted)
  const response = find(type) ?? find(status < 500 ? 'DEFAULT_4XX' : 'DEFAULT_5XX')
  const template = response?.ResponseTemplates?.['application/json'] ?? '{"message":null}'
  const body = template.replaceAll('$context.requestId', requestId)
  if (/\$\w/.test(body)) throw new Error(`not known in a gateway response: ${body}`)
  return {
    status: Number(response?.StatusCode ?? status),
    headers: {
      'content-type': 'application/json',
      'x-amzn-requestid': requestId,
      'x-amzn-errortype': type,
      ...headersOf(response?.ResponseParameters ?? {}),
    },
    body,
  }
}

/** Static values: they stand in single quotes. */
function headersOf(parameters: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parameters).map(([parameter, value]) => {
      const name = /^gatewayresponse\.header\.(.+)$/.exec(parameter)?.[1]
      const text = /^'(.*)'$/s.exec(value)?.[1]
      if (name === undefined || text === undefined)
        throw new Error(`not known: ${parameter} ${value}`)
      return [name.toLowerCase(), text]
    }),
  )
}
