// Runs one Lambda function: takes an event at a time from its parent, and answers with what came of it.
const { join } = require('node:path')

const [file, name] = process.env._HANDLER.split('.')

process.on('message', async ({ event, timeoutMs, requestId }) => {
  process.send(await run(event, contextOf(requestId, Date.now() + timeoutMs)))
})

async function run(event, context) {
  try {
    const handler = require(join(process.env.LAMBDA_TASK_ROOT, `${file}.cjs`))[name]
    // Lambda hands over what JSON can say, and nothing else.
    return { result: JSON.parse(JSON.stringify((await handler(event, context)) ?? null)) }
  } catch (error) {
    console.error(error)
    return { error: { errorType: error?.name ?? 'Error', errorMessage: String(error?.message) } }
  }
}

const contextOf = (awsRequestId, endsAt) => ({
  awsRequestId,
  callbackWaitsForEmptyEventLoop: true,
  functionName: process.env.AWS_LAMBDA_FUNCTION_NAME,
  functionVersion: '$LATEST',
  logGroupName: process.env.AWS_LAMBDA_LOG_GROUP_NAME,
  logStreamName: process.env.AWS_LAMBDA_LOG_STREAM_NAME,
  memoryLimitInMB: process.env.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
  getRemainingTimeInMillis: () => endsAt - Date.now(),
})
