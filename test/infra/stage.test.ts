import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTemplate } from '#infra/index.ts'

const { RestStage, ApiGatewayAccount, ApiGatewayLogRole } = createTemplate({
  corsOrigins: [],
}).Resources
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
    ThrottlingRateLimit: 1000,
    ThrottlingBurstLimit: 2000,
  })
})

test("what the account's other APIs use is kept when the stack is removed", () => {
  assert.equal(ApiGatewayAccount?.DeletionPolicy, 'Retain')
  assert.equal(ApiGatewayLogRole?.DeletionPolicy, 'Retain')
})
