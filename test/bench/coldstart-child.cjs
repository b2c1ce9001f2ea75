// Loads a function and gives it one message to publish: prints how long each took, in ms.
const [, , file, exchange] = process.argv
const headers = { 'content-type': 'application/json' }
const event = {
  resource: '/publish/{exchange+}',
  path: `/publish/${exchange}`,
  httpMethod: 'POST',
  headers,
  multiValueHeaders: { 'content-type': ['application/json'] },
  queryStringParameters: null,
  multiValueQueryStringParameters: null,
  pathParameters: { exchange },
  requestContext: {
    requestId: 'cold-start',
    authorizer: { principal: 'bench', grants: '[["*"]]', principalId: 'bench' },
  },
  body: Buffer.from('{"hello":"world"}').toString('base64'),
  isBase64Encoded: true,
}

const before = performance.now()
const { handler } = require(file)
const loaded = performance.now()
handler(event, { awsRequestId: 'cold-start', getRemainingTimeInMillis: () => 10_000 }).then(
  ({ statusCode: status }) => {
    const answered = performance.now()
    console.log(JSON.stringify({ status, load: loaded - before, first: answered - loaded }))
    process.exit(0)
  },
)
