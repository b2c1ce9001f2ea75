import middy from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda'
import { coldStart } from '#functions/cold-start.ts'
import { crossOrigin } from '#functions/cross-origin.ts'
import { problemDetails } from '#functions/problem-details.ts'
import { publishDeps } from '#functions/publish-deps.ts'
import { toPublishRequest, toResult } from '#functions/rest-api.ts'
import { createLog } from '#lib/log.ts'
import { createReady } from './ready.ts'

const log = createLog({ fields: { function: 'ready' } })
const start = () => createReady(publishDeps('ready', process.env))
const ready = coldStart(start, log, 'broker-misconfigured')

const answer = async (event: APIGatewayProxyEvent, context: Context) =>
  toResult(await ready()(toPublishRequest(event, context)))

export const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult>(answer)
  .use(crossOrigin())
  .use(problemDetails(log))
