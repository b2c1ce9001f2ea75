import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gatewayResponses } from '#infra/gateway-responses.ts'
import { readHttp } from '#lib/config.ts'
import { PROBLEMS, type ProblemCode, type ProblemRow } from '#lib/errors.ts'

interface GatewayResponse {
  readonly ResponseType: string
  readonly StatusCode?: string
  readonly ResponseParameters: Readonly<Record<string, string>>
  readonly ResponseTemplates: Readonly<Record<string, string>>
}

const responsesFor = (...corsOrigins: readonly string[]) =>
  Object.values(gatewayResponses(corsOrigins)).map(
    ({ Properties }) => Properties as unknown as GatewayResponse,
  )

const RESPONSES = responsesFor()

function byType(type: string): GatewayResponse {
  const found = RESPONSES.find(({ ResponseType }) => ResponseType === type)
  assert.ok(found, type)
  return found
}

const bodyOf = ({ ResponseTemplates }: GatewayResponse) =>
  JSON.parse(String(ResponseTemplates['application/json']))
const headerOf = ({ ResponseParameters }: GatewayResponse, name: string) =>
  ResponseParameters[`gatewayresponse.header.${name}`]

test('every answer of API Gateway’s own is a problem of the status table', () => {
  for (const response of RESPONSES) {
    const body = bodyOf(response)
    const { title, outcome, retryable }: ProblemRow = PROBLEMS[body.code as ProblemCode]
    const { code } = body
    const instance = '$context.requestId'
    const type = `/problems/${code}`
    assert.partialDeepStrictEqual(body, { type, title, outcome, retryable, instance })
    assert.equal(headerOf(response, 'content-type'), "'application/problem+json'")
    assert.equal(headerOf(response, 'cache-control'), "'no-store'")
    if (response.StatusCode !== undefined) assert.equal(String(body.status), response.StatusCode)
  }
})

const CODES: readonly [string, string | undefined, ProblemCode][] = [
  ['UNAUTHORIZED', '401', 'unauthorized'],
  ['ACCESS_DENIED', '403', 'forbidden-address'],
  ['MISSING_AUTHENTICATION_TOKEN', '404', 'not-found'],
  ['REQUEST_TOO_LARGE', '413', 'body-too-large'],
  ['THROTTLED', '429', 'rate-limited'],
  ['INTEGRATION_FAILURE', '502', 'gateway-lost'],
  ['INTEGRATION_TIMEOUT', '504', 'gateway-lost'],
  ['DEFAULT_4XX', undefined, 'invalid-request'],
  ['DEFAULT_5XX', undefined, 'gateway-lost'],
]
for (const [type, status, code] of CODES) {
  test(`${type} is ${code}`, () => {
    const response = byType(type)
    assert.equal(response.StatusCode, status)
    assert.equal(bodyOf(response).code, code)
  })
}

test('the defaults name no status: each stands for several', () => {
  for (const type of ['DEFAULT_4XX', 'DEFAULT_5XX']) assert.ok(!('status' in bodyOf(byType(type))))
})

test('the answers have the headers that belong to them', () => {
  assert.equal(headerOf(byType('UNAUTHORIZED'), 'www-authenticate'), '\'Bearer realm="warren"\'')
  assert.equal(headerOf(byType('THROTTLED'), 'retry-after'), "'1'")
  assert.equal(bodyOf(byType('REQUEST_TOO_LARGE')).maxBytes, readHttp({}).maxBodyBytes)
})

test('a template has no variable but the request’s id', () => {
  for (const { ResponseTemplates } of RESPONSES) {
    const text = String(ResponseTemplates['application/json']).replaceAll('$context.requestId', '')
    assert.doesNotMatch(text, /\$/)
  }
})

test('pages of the named origins may read them, and without any nobody is told so', () => {
  const allowed = (...origins: readonly string[]) =>
    responsesFor(...origins).map((response) => headerOf(response, 'access-control-allow-origin'))
  const answers = RESPONSES.length
  assert.deepEqual(allowed(), Array(answers).fill(undefined))
  assert.deepEqual(allowed('https://a.example'), Array(answers).fill("'https://a.example'"))
  assert.deepEqual(allowed('https://a.example', 'https://b.example'), Array(answers).fill("'*'"))
})
