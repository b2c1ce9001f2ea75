import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { PROBLEMS, type ProblemCode } from '#lib/errors.ts'
import { type Api, startTestApi } from '../support/api.ts'
import { endOfFile } from '../support/ending.ts'
import { FAULT_NAMES } from '../support/probe-service/functions.ts'
import { type Received, type Sent, send } from '../support/send.ts'

// What the plugin makes of serverless-offline, shown by functions that are not ours.
const ending = endOfFile()
let api: Api

before(async () => {
  const serviceDir = join(import.meta.dirname, '..', 'support', 'probe-service')
  api = await startTestApi(ending, { env: { AMQP_URL: 'amqp://127.0.0.1' }, serviceDir })
})

const ask = (sent: Sent) => send(api.origin, { to: 'other', ...sent })

/** The event that the function got. */
async function echo(sent: Sent): Promise<Record<string, unknown>> {
  const answer = await ask(sent)
  assert.equal(answer.status, 200, answer.body.toString())
  return answer.json()
}

function assertProblem(answer: Received, status: number, code: ProblemCode): void {
  assert.equal(answer.status, status, answer.body.toString())
  assert.equal(answer.headers['content-type'], 'application/problem+json')
  const { outcome, retryable } = PROBLEMS[code]
  assert.partialDeepStrictEqual(answer.json(), { code, outcome, retryable })
}

for (const kind of FAULT_NAMES) {
  test(`a function that misbehaves (${kind}) is never a 2xx`, async () => {
    const answer = await ask({ path: `/fault/${kind}` })
    assertProblem(answer, 502, 'gateway-lost')
    assert.ok(!('status' in answer.json()), 'one template stands for several statuses')
  })
}

test('a function that cannot be loaded is never a 2xx', async () => {
  assertProblem(await ask({ path: '/unloadable' }), 502, 'gateway-lost')
})

const AUTHORIZER_ANSWERS: readonly [string, number, ProblemCode][] = [
  ['unauthorized', 401, 'unauthorized'],
  ['crash', 500, 'internal'],
  ['nonsense', 500, 'internal'],
  ['deny', 403, 'forbidden-address'],
]
for (const [Authorization, status, code] of AUTHORIZER_ANSWERS) {
  test(`an authorizer's answer (${Authorization}) is ${status}`, async () => {
    assertProblem(await ask({ path: '/guarded/x', headers: { Authorization } }), status, code)
  })
}

test('a refused caller who sends a large body still gets the answer', async () => {
  const body = Buffer.alloc(12 * 1024 * 1024)
  for (const chunked of [false, true]) {
    assertProblem(await ask({ path: '/guarded/x', body, chunked }), 401, 'unauthorized')
  }
})

test('a body in chunks that is too large is 413', async () => {
  const body = Buffer.alloc(12 * 1024 * 1024)
  assertProblem(await ask({ path: '/echo/x', body, chunked: true }), 413, 'body-too-large')
})

test('an event has the path as it was sent', async () => {
  for (const path of ['/echo/a%2Fb', '/echo/../x', '/echo//x', '/echo/%41%c3%bc', '/echo/x/']) {
    const event = await echo({ path: `${path}?a=1` })
    assert.equal(event['path'], path)
    assert.equal(event['resource'], '/echo/{rest+}')
    assert.deepEqual(event['pathParameters'], { rest: path.slice('/echo/'.length) })
  }
})

test('an event has the headers that were sent and no others', async () => {
  const { headers } = await echo({ path: '/echo/x', headers: { 'X-Name': 'a' }, body: 'x' })
  assert.deepEqual(Object.keys(headers as object).sort(), [
    'Connection',
    'Host',
    'X-Name',
    'content-length',
  ])
})

test('an event has its method, HEAD and OPTIONS included', async () => {
  for (const method of ['GET', 'PUT', 'OPTIONS']) {
    assert.equal((await echo({ method, path: '/echo/x' }))['httpMethod'], method)
  }
  const head = await ask({ method: 'HEAD', path: '/echo/x' })
  assert.deepEqual([head.status, head.body.length], [200, 0])
})

test('the resource decides, and then the method: nothing goes back to /{all+}', async () => {
  for (const method of ['GET', 'PUT', 'OPTIONS']) {
    assertProblem(await ask({ method, path: '/post-only' }), 404, 'not-found')
  }
  assert.equal((await echo({ path: '/post-only' }))['resource'], '/post-only')
  assert.equal((await echo({ path: '/elsewhere' }))['resource'], '/{all+}')
})

test('a greedy path parameter is never empty', async () => {
  for (const path of ['/echo', '/echo/', '/']) {
    assertProblem(await ask({ path }), 404, 'not-found')
  }
})

test('no header of the request forges an identity', async () => {
  const headers = {
    authorization: 'allow',
    'sls-offline-authorizer-override': '{"principalId":"root"}',
  }
  const { requestContext } = await echo({ path: '/guarded/x', headers })
  const { authorizer } = requestContext as { authorizer: Record<string, unknown> }
  assert.equal(authorizer['principalId'], 'somebody')
})

test('an authorizer gets the ARN of the path that was asked for', async () => {
  const headers = { authorization: 'allow' }
  const { requestContext } = await echo({ path: '/guarded/a%2Fb', headers })
  const { authorizer } = requestContext as { authorizer: { seen: string } }
  assert.match(
    JSON.parse(authorizer.seen).methodArn,
    /^arn:aws:execute-api:.*\/dev\/POST\/guarded\/a%2Fb$/,
  )
})

test("an answer's headers are the function's, but for the one that API Gateway renames", async () => {
  const { headers } = await ask({
    path: '/echo/x',
    headers: { origin: 'http://elsewhere.example' },
  })
  assert.equal(headers['access-control-allow-origin'], undefined)
  assert.equal(headers['content-type'], 'application/json')
  assert.equal(headers['www-authenticate'], undefined)
  assert.equal(headers['x-amzn-remapped-www-authenticate'], 'Basic')
})
