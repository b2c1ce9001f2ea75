import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { before, test } from 'node:test'
import type { MutableResource } from '#infra/plugins/serverless.ts'
import { endOfFile } from '../support/ending.ts'
import { copySources, type Packaged, packageService, zipDigests } from '../support/package.ts'
import { danglingReferences } from '../support/references.ts'
import { unzip } from '../support/unzip.ts'

const ending = endOfFile()
/** Packaged in a bare environment. */
let packaged: Packaged
/** Packaged elsewhere, later, with settings in the shell. */
let again: Packaged

const SHELL = {
  AMQP_URL: 'amqp://shell-user:shell-secret@broker.example',
  RABBIT_PASS: 'shell-password-of-rabbit',
  API_TOKEN: 'shell-token-of-the-api',
}

before(async () => {
  const sources = await copySources(ending)
  packaged = await packageService(ending, sources)
  again = await packageService(ending, sources, SHELL)
})

const all = (type: string): [string, MutableResource][] =>
  Object.entries(packaged.template.Resources).filter(([, { Type }]) => Type === type)

const functionCount = () => all('AWS::Lambda::Function').length

test('packaging needs no other host', () => {
  assert.doesNotMatch(packaged.output + again.output, /CONNECTS TO/)
})

test('the same sources give the same zips, wherever and whenever', () => {
  assert.deepEqual(Object.keys(zipDigests(packaged)).sort(), [
    'authorizer.zip',
    'batch.zip',
    'docs.zip',
    'fallback.zip',
    'health.zip',
    'openapi.zip',
    'problems.zip',
    'publish.zip',
    'ready.zip',
  ])
  assert.deepEqual(zipDigests(again), zipDigests(packaged))
})

/** Files beside the bundle. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  DocsLambdaFunction: [
    'swagger-ui-bundle.js',
    'swagger-ui-bundle.js.LICENSE.txt',
    'swagger-ui.css',
  ],
}

test('a zip holds one file of code, which is where the function says that it is', () => {
  for (const [name, { Properties }] of all('AWS::Lambda::Function')) {
    const { S3Key } = Properties['Code'] as { S3Key: string }
    const archive = packaged.files.get(basename(S3Key))
    assert.ok(archive !== undefined, name)
    const beside = (BESIDE[name] ?? []).map((file) => `node_modules/swagger-ui-dist/${file}`)
    assert.deepEqual([...unzip(archive).keys()], ['handler.cjs', ...beside])
    assert.equal(Properties['Handler'], 'handler.handler')
  }
})

test('the same sources give the same template, but for the time in each S3Key', () => {
  const TIME = /\d{13}-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g
  const text = ({ template }: Packaged) => JSON.stringify(template).replaceAll(TIME, '<time>')
  assert.equal(text(again), text(packaged))
})

test('nothing of the shell is in anything that was packaged', () => {
  for (const [name, content] of again.files) {
    const texts = name.endsWith('.zip') ? [...unzip(content).values()] : [content]
    for (const value of Object.values(SHELL)) {
      for (const text of texts) assert.ok(!text.includes(value), name)
    }
  }
})

test('every reference of the template leads somewhere', () => {
  assert.deepEqual(danglingReferences(packaged.template), [])
})

test('every function runs on Node 24 and arm64, for 10 s at most, outside any VPC', () => {
  const functions = all('AWS::Lambda::Function')
  assert.ok(functionCount() > 0)
  for (const [name, { Properties }] of functions) {
    assert.equal(Properties['Runtime'], 'nodejs24.x', name)
    assert.deepEqual(Properties['Architectures'], ['arm64'], name)
    assert.ok(Number(Properties['Timeout']) <= 10, name)
    assert.equal(Properties['VpcConfig'], undefined, name)
  }
})

test('every log is kept for a while, and not for ever', () => {
  const groups = all('AWS::Logs::LogGroup')
  assert.equal(groups.length, functionCount() + 1)
  for (const [name, { Properties }] of groups) assert.equal(Properties['RetentionInDays'], 30, name)
})

test('the API is regional, takes every body as bytes, and asks the authorizer every 30 s', () => {
  const [[, api], ...more] = all('AWS::ApiGateway::RestApi') as [[string, MutableResource]]
  assert.deepEqual(more, [])
  assert.deepEqual(api.Properties['BinaryMediaTypes'], ['*/*'])
  assert.deepEqual(api.Properties['EndpointConfiguration'], { Types: ['REGIONAL'] })
  const [[, authorizer]] = all('AWS::ApiGateway::Authorizer') as [[string, MutableResource]]
  assert.partialDeepStrictEqual(authorizer.Properties, {
    Type: 'REQUEST',
    IdentitySource: 'method.request.header.Authorization',
    AuthorizerResultTtlInSeconds: 30,
  })
})

test('publishing and readiness alone are behind the authorizer, and every resource has an ANY', () => {
  const methods = all('AWS::ApiGateway::Method').map(([, { Properties }]) => Properties)
  const guarded = methods.filter((method) => method['AuthorizationType'] !== 'NONE')
  assert.deepEqual(
    guarded.map((method) => [
      method['HttpMethod'],
      method['AuthorizationType'],
      method['ResourceId'],
    ]),
    [
      ['POST', 'CUSTOM', { Ref: 'ApiGatewayResourcePublishExchangeVar' }],
      ['POST', 'CUSTOM', { Ref: 'ApiGatewayResourceBatchExchangeVar' }],
      ['GET', 'CUSTOM', { Ref: 'ApiGatewayResourceHealthReady' }],
    ],
  )
  const anys = methods.filter((method) => method['HttpMethod'] === 'ANY')
  assert.equal(anys.length, all('AWS::ApiGateway::Resource').length + 1, 'and one for the root')
})

test('a secret is known to the functions that need it, by its ARN', () => {
  const environments = all('AWS::Lambda::Function').map(([name, { Properties }]) => [
    name,
    (Properties['Environment'] as { Variables?: object } | undefined)?.Variables,
  ])
  const CORS_ORIGINS = ''
  const broker = { CORS_ORIGINS, AMQP_URL_SECRET_ARN: { Ref: 'AmqpUrlSecret' } }
  assert.deepEqual(Object.fromEntries(environments), {
    AuthorizerLambdaFunction: { CORS_ORIGINS, API_TOKENS_SECRET_ARN: { Ref: 'ApiTokensSecret' } },
    BatchLambdaFunction: broker,
    PublishLambdaFunction: broker,
    HealthLambdaFunction: { CORS_ORIGINS },
    ReadyLambdaFunction: broker,
    OpenapiLambdaFunction: { CORS_ORIGINS },
    DocsLambdaFunction: { CORS_ORIGINS },
    ProblemsLambdaFunction: { CORS_ORIGINS },
    FallbackLambdaFunction: { CORS_ORIGINS },
  })
})
