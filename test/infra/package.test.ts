import assert from 'node:assert/strict'
import { basename } from 'node:path'
import { before, test } from 'node:test'
import type { MutableResource } from '#infra/plugins/serverless.ts'
import { combined } from '../support/combined.ts'
import { endOfFile } from '../support/ending.ts'
import { installation, KINDS } from '../support/installation.ts'
import { copySources, type Packaged, packageService, zipDigests } from '../support/package.ts'
import { danglingReferences } from '../support/references.ts'
import { judgeTemplate } from '../support/template-rules.ts'
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
    'rotation.zip',
    'topology.zip',
  ])
  assert.deepEqual(zipDigests(again), zipDigests(packaged))
})

const SDK = ['secrets-sdk.cjs']
/** Files beside what runs at the start. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  AuthorizerLambdaFunction: SDK,
  PublishLambdaFunction: SDK,
  BatchLambdaFunction: SDK,
  ReadyLambdaFunction: SDK,
  TopologyLambdaFunction: SDK,
  RotationLambdaFunction: SDK,
  DocsLambdaFunction: [
    'swagger-ui-bundle.js',
    'swagger-ui-bundle.js.LICENSE.txt',
    'swagger-ui.css',
  ].map((file) => `node_modules/swagger-ui-dist/${file}`),
}

test('a zip holds the code where the function says that it is, and what it needs beside', () => {
  for (const [name, { Properties }] of all('AWS::Lambda::Function')) {
    const { S3Key } = Properties['Code'] as { S3Key: string }
    const archive = packaged.files.get(basename(S3Key))
    assert.ok(archive !== undefined, name)
    assert.deepEqual([...unzip(archive).keys()], ['handler.cjs', ...(BESIDE[name] ?? [])])
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

for (const [kind, parameters] of Object.entries(KINDS)) {
  test(`AWS's own rules find no error, whatever is chosen: ${kind}`, () => {
    const template = combined(packaged.template, installation(parameters))
    assert.deepEqual(danglingReferences(template), [])
    assert.deepEqual(judgeTemplate(JSON.stringify(template)).errors, [])
  })
}

test('the rules find an error where there is one', () => {
  const template = structuredClone(packaged.template)
  Object.assign(template.Resources['Broker']?.Properties ?? {}, { Publicly: true })
  assert.match(judgeTemplate(JSON.stringify(template)).errors.join(), /Broker .*Publicly/)
})

/** Called by CloudFormation and Secrets Manager, which wait longer than a caller of the API. */
const BEHIND = ['TopologyLambdaFunction', 'RotationLambdaFunction']

test('every function runs on Node 24 and arm64, and one that answers callers for 10 s at most', () => {
  const functions = all('AWS::Lambda::Function')
  assert.ok(functionCount() > 0)
  for (const [name, { Properties }] of functions) {
    assert.equal(Properties['Runtime'], 'nodejs24.x', name)
    assert.deepEqual(Properties['Architectures'], ['arm64'], name)
    assert.ok(Number(Properties['Timeout']) <= (BEHIND.includes(name) ? 60 : 10), name)
  }
})

test('what reaches the broker is in its network, in subnets without a way out; nothing else is', () => {
  const networks = all('AWS::Lambda::Function').flatMap(([name, { Properties }]) =>
    Properties['VpcConfig'] === undefined ? [] : [[name, Properties['VpcConfig']]],
  )
  const inGroup = (group: string) => ({
    SubnetIds: [{ Ref: 'IsolatedSubnetA' }, { Ref: 'IsolatedSubnetB' }],
    SecurityGroupIds: [{ 'Fn::GetAtt': [group, 'GroupId'] }],
  })
  assert.deepEqual(Object.fromEntries(networks), {
    BatchLambdaFunction: inGroup('PublisherSecurityGroup'),
    PublishLambdaFunction: inGroup('PublisherSecurityGroup'),
    ReadyLambdaFunction: inGroup('PublisherSecurityGroup'),
    RotationLambdaFunction: inGroup('TopologySecurityGroup'),
    TopologyLambdaFunction: inGroup('TopologySecurityGroup'),
  })
})

/** Of tasks and of the edge's API, beside the API's own and one for each function. */
const OTHER_LOGS = 5

test('every log is kept for a while, and not for ever', () => {
  const groups = all('AWS::Logs::LogGroup')
  assert.equal(groups.length, functionCount() + OTHER_LOGS)
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
  const common = { CORS_ORIGINS: '', METRICS_STACK: { Ref: 'AWS::StackName' } }
  const url = (id: string) => ({ ...common, AMQP_URL_SECRET_ARN: { Ref: id } })
  assert.deepEqual(Object.fromEntries(environments), {
    AuthorizerLambdaFunction: { ...common, API_TOKENS_SECRET_ARN: { Ref: 'ApiTokensSecret' } },
    BatchLambdaFunction: url('BatchUrlSecret'),
    PublishLambdaFunction: url('PublishUrlSecret'),
    HealthLambdaFunction: common,
    ReadyLambdaFunction: url('ReadyUrlSecret'),
    OpenapiLambdaFunction: common,
    DocsLambdaFunction: common,
    ProblemsLambdaFunction: common,
    FallbackLambdaFunction: common,
    TopologyLambdaFunction: common,
    RotationLambdaFunction: {
      ...{ ...common, ADMIN_SECRET_ARN: { Ref: 'BrokerAdminSecret' } },
      BOOTSTRAP_USER: 'warren-bootstrap',
    },
  })
})
