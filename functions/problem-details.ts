import type { MiddlewareObj } from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { problemResponse } from '#lib/http/problem.ts'
import { logFailure } from '#lib/http/respond.ts'
import type { Log } from '#lib/log.ts'
import { toResult } from './rest-api.ts'

/**
 * Middleware that comes last, so that it sees an error first: whatever was thrown on the way to the function or in it becomes a
 * problem, never a 2xx and never a stack trace.
 */
export function problemDetails(
  log: Log,
): MiddlewareObj<APIGatewayProxyEvent, APIGatewayProxyResult, unknown> {
  return {
    onError: (request) => {
      const { error, event } = request
      const instance = event?.requestContext?.requestId
      const response = problemResponse(error, { instance })
      logFailure(log, error, { requestId: instance, status: response.status })
      // Set, not returned: middy would skip the middleware that comes after.
      request.response = toResult(response)
    },
  }
}
