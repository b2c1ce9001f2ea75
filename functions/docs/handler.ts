import middy from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { crossOrigin } from '#functions/cross-origin.ts'
import { problemDetails } from '#functions/problem-details.ts'
import { toRequest, toResult } from '#functions/rest-api.ts'
import { createLog } from '#lib/log.ts'
import { createDocs } from './docs.ts'

const log = createLog({ fields: { function: 'docs' } })
const docs = createDocs(log)

export const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult>(
  async (event: APIGatewayProxyEvent) => toResult(await docs(toRequest(event))),
)
  .use(crossOrigin())
  .use(problemDetails(log))
