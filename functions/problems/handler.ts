import middy from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import { crossOrigin } from '#functions/cross-origin.ts'
import { problemDetails } from '#functions/problem-details.ts'
import { toRequest, toResult } from '#functions/rest-api.ts'
import { createLog } from '#lib/log.ts'
import { createProblems } from './problems.ts'

const log = createLog({ fields: { function: 'problems' } })
const problems = createProblems(log)

export const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult>(
  async (event: APIGatewayProxyEvent) => toResult(await problems(toRequest(event))),
)
  .use(crossOrigin())
  .use(problemDetails(log))
