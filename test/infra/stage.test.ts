import assert from 'node:assert/strict'
import { test } from 'node:test'
import { restApiExtension } from '#infra/aws/resource-policy.ts'
import { installation, resourcesOf } from '../support/installation.ts'

const { RestStage, ApiGatewayAccount, ApiGatewayLogRole } = resourcesOf({
  requestsPerSecond: '250',
})
const properties = RestStage?.Properties as {
  readonly AccessLogSetting: { readonly Format: string }
  readonly MethodSettings: readonly Readonly<Record<string, unknown>>[]
}

test('no log of the API holds a header, a query or a body', () => {
  const format = JSON.parse(properties.AccessLogSetting.Format)
  assert.deepEqual(Object.values(format).toSorted(), [
    '$context.authorizer.principalId',
    '$context.error.responseType',
    '$context.httpMethod',
    '$context.identity.sourceIp',
    '$context.requestId',
    '$context.requestTimeEpoch',
    '$context.resourcePath',
    '$context.responseLatency',
    '$context.status',
  ])
  for (const { LoggingLevel, DataTraceEnabled } of properties.MethodSettings) {
    assert.deepEqual([LoggingLevel, DataTraceEnabled], ['OFF', false])
  }
})

test('every method is throttled', () => {
  const [settings, ...more] = properties.MethodSettings
  assert.deepEqual(more, [])
  assert.partialDeepStrictEqual(settings, {
    HttpMethod: '*',
    ResourcePath: '/*',
    ThrottlingRateLimit: 250,
    ThrottlingBurstLimit: 500,
  })
})

test("what the account's other APIs use is kept when the stack is removed", () => {
  assert.equal(ApiGatewayAccount?.DeletionPolicy, 'Retain')
  assert.equal(ApiGatewayLogRole?.DeletionPolicy, 'Retain')
})

test('only the networks that are named may call, if any are', () => {
  assert.deepEqual(restApiExtension(installation()), {})
  const allowFrom = '203.0.113.0/24, 198.51.100.7'
  const { ApiGatewayRestApi } = restApiExtension(installation({ allowFrom, edge: '0' }))
  const everybody = { Principal: '*', Action: 'execute-api:Invoke', Resource: 'execute-api:/*' }
  const NotIpAddress = { 'aws:SourceIp': ['203.0.113.0/24', '198.51.100.7'] }
  assert.deepEqual(ApiGatewayRestApi?.Properties?.['Policy'], {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', ...everybody },
      { Effect: 'Deny', ...everybody, Condition: { NotIpAddress } },
    ],
  })
})
