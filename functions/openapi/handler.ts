import middy from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { crossOrigin } from '#functions/cross-origin.ts'
import { problemDetails } from '#functions/problem-details.ts'
import { toResult } from '#functions/rest-api.ts'
import { createLog } from '#lib/log.ts'
import { openapi } from './openapi.ts'

export const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult>(async () =>
  toResult(openapi()),
)
  .use(crossOrigin())
  .use(problemDetails(createLog({ fields: { function: 'openapi' } })))
