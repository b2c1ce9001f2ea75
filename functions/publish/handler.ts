import middy from '@middy/core'
import type { APIGatewayProxyEvent, APIGatewayProxyResult, Context } from 'aws-lambda'
import { coldStart } from '#functions/cold-start.ts'
import { problemDetails } from '#functions/problem-details.ts'
import { deadlineOf, principalOf, toRequest, toResult } from '#functions/rest-api.ts'
import { createPublisher } from '#lib/amqp/publisher.ts'
import { readAll, readBroker, readHttp } from '#lib/config.ts'
import { jsonFault } from '#lib/http/json.ts'
import { createLog } from '#lib/log.ts'
import { brokerUrlFrom, secretReader } from '#lib/secrets.ts'
import { createPublish } from './publish.ts'

const startLog = createLog({ fields: { function: 'publish' } })

const publish = coldStart(
  () => {
    const { broker, http } = readAll({
      broker: () => readBroker(process.env),
      http: () => readHttp(process.env),
    })
    const log = createLog({ level: http.logLevel, fields: { function: 'publish' } })
    const publisher = createPublisher({
      broker,
      connectionName: `warren-publish ${process.env['AWS_LAMBDA_LOG_STREAM_NAME'] ?? process.pid}`,
      log,
      ...(broker.secretArn === undefined
        ? {}
        : { readUrl: brokerUrlFrom(secretReader(broker.secretArn), log) }),
    })
    const { maxBodyBytes } = http
    return createPublish({ publisher, log, maxBodyBytes, checkJson: jsonFault, now: Date.now })
  },
  startLog,
  'broker-misconfigured',
)

async function onEvent(event: APIGatewayProxyEvent, context: Context) {
  const request = toRequest(event)
  const caller = { principal: principalOf(event), deadline: deadlineOf(context) }
  return toResult(await publish()({ ...request, ...caller }))
}

export const handler = middy<APIGatewayProxyEvent, APIGatewayProxyResult>(onEvent).use(
  problemDetails(startLog),
)
