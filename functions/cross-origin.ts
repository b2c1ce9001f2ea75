import type { MiddlewareObj } from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { type Env, readCorsOrigins } from '#lib/config.ts'
import { createCors } from '#lib/http/cors.ts'
import type { HttpResponse } from '#lib/http/response.ts'
import { headersOf, toResult } from './rest-api.ts'

/**
 * Middleware for `CORS_ORIGINS`: answers a browser's preflight, and marks the answers to the origins
 * that are named. Used before problemDetails, it sees an error's answer after it: pages can read it, too.
 */
export function crossOrigin(): MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult, unknown> {
  const cors = createCors(originsOf(process.env))
  const mark = (event: APIGatewayProxyEvent, result: APIGatewayProxyResult | null | undefined) => {
    if (!result) return
    const given = result.headers as HttpResponse['headers']
    const response = { status: result.statusCode, headers: given, body: result.body }
    result.headers = { ...cors.allow({ headers: headersOf(event) }, response).headers }
  }
  return {
    before: ({ event }) => {
      const { httpMethod: method, path } = event
      const answer = cors.preflight({ method, path, headers: headersOf(event) })
      return answer && toResult(answer)
    },
    after: ({ event, response }) => mark(event, response),
    onError: ({ event, response }) => mark(event, response),
  }
}

/** None when the setting is wrong: the functions that publish refuse to start for that, and say so. */
function originsOf(env: Env): readonly string[] {
  try {
    return readCorsOrigins(env)
  } catch {
    return []
  }
}
