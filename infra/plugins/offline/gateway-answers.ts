import type { Resource } from '../../cloudformation.ts'
import type { Fault } from './fault.ts'
import type { HapiResponse, HapiToolkit } from './hapi.ts'

/** Answers that API Gateway gives by itself. */
export interface Answers {
  render(fault: Fault, requestId: string, h: HapiToolkit): HapiResponse
}

interface GatewayResponse {
  readonly ResponseType: string
  readonly StatusCode?: string
  readonly ResponseParameters?: Readonly<Record<string, string>>
  readonly ResponseTemplates?: Readonly<Record<string, string>>
}

/** Renders the same gateway responses that are deployed. */
export function gatewayAnswers(resources: Readonly<Record<string, Resource>>): Answers {
  const byType = new Map(
    Object.values(resources)
      .filter(({ Type }) => Type === 'AWS::ApiGateway::GatewayResponse')
      .map(({ Properties }) => Properties as unknown as GatewayResponse)
      .map((response) => [response.ResponseType, response]),
  )
  return {
    render: (fault, requestId, h) => {
      const fallback = fault.status < 500 ? 'DEFAULT_4XX' : 'DEFAULT_5XX'
      const response = byType.get(fault.type) ?? byType.get(fallback)
      const template = response?.ResponseTemplates?.['application/json'] ?? API_GATEWAYS_OWN
      const answer = h
        .response(template.replaceAll('$context.requestId', requestId))
        .code(Number(response?.StatusCode ?? fault.status))
        .charset('')
        .header('content-type', 'application/json')
        .header('x-amzn-requestid', requestId)
      return withParameters(answer, response?.ResponseParameters ?? {})
    },
  }
}

/** Without a gateway response of ours. */
const API_GATEWAYS_OWN = '{"message":null}'

/** Static headers: their values stand in single quotes. */
function withParameters(answer: HapiResponse, parameters: Readonly<Record<string, string>>) {
  for (const [parameter, value] of Object.entries(parameters)) {
    const name = /^gatewayresponse\.header\.(.+)$/.exec(parameter)?.[1]
    const text = /^'(.*)'$/.exec(value)?.[1]
    if (name !== undefined && text !== undefined) answer.header(name, text)
  }
  return answer
}
