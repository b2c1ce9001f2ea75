import middy from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { crossOrigin } from '#functions/cross-origin.ts'
import { problemDetails } from '#functions/problem-details.ts'
import { toRequest, toResult } from '#functions/rest-api.ts'
import { createLog } from '#lib/log.ts'
import { createFallback } from './fallback.ts'

const log = createLog({ fields: { function: 'fallback' } })
const fallback = createFallback(log)

export const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult>(
  async (event: APIGatewayProxyEvent) => toResult(await fallback(toRequest(event))),
)
  .use(crossOrigin())
  .use(problemDetails(log))
