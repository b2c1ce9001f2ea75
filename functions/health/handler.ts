import middy from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { crossOrigin } from '#functions/cross-origin.ts'
import { problemDetails } from '#functions/problem-details.ts'
import { toResult } from '#functions/rest-api.ts'
import { createLog } from '#lib/log.ts'
import { health } from './health.ts'

export const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult>(async () =>
  toResult(health()),
)
  .use(crossOrigin())
  .use(problemDetails(createLog({ fields: { function: 'health' } })))
