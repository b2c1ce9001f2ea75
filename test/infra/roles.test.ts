import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createTemplate } from '#infra/index.ts'

const template = createTemplate({ corsOrigins: [] })

const logs = (name: string) => ({
  Effect: 'Allow',
  Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
  Resource: { 'Fn::GetAtt': [`${name}LogGroup`, 'Arn'] },
})
const reads = (secret: string) => ({
  Effect: 'Allow',
  Action: ['secretsmanager:GetSecretValue'],
  Resource: { Ref: secret },
})

/** Whoever may do more than this says so here. */
const ALLOWED: Readonly<Record<string, readonly object[]>> = {
  AuthorizerRole: [logs('Authorizer'), reads('ApiTokensSecret')],
  PublishRole: [logs('Publish'), reads('AmqpUrlSecret')],
  BatchRole: [logs('Batch'), reads('AmqpUrlSecret')],
  HealthRole: [logs('Health')],
  ReadyRole: [logs('Ready'), reads('AmqpUrlSecret')],
  OpenapiRole: [logs('Openapi')],
  DocsRole: [logs('Docs')],
  ProblemsRole: [logs('Problems')],
  FallbackRole: [logs('Fallback')],
  // API Gateway's own, by the policy that AWS made for it.
  ApiGatewayLogRole: [],
}

test('every role may do exactly what is written here', () => {
  const roles = Object.entries(template.Resources).filter(
    ([, { Type }]) => Type === 'AWS::IAM::Role',
  )
  const statements = roles.map(([name, { Properties }]) => [name, statementsOf(Properties ?? {})])
  assert.deepEqual(Object.fromEntries(statements), ALLOWED)
})

type Policies = readonly { readonly PolicyDocument: { readonly Statement: readonly object[] } }[]

const statementsOf = (properties: Readonly<Record<string, unknown>>) =>
  ((properties['Policies'] ?? []) as Policies).flatMap(
    ({ PolicyDocument }) => PolicyDocument.Statement,
  )

test("only API Gateway's role has a policy that is not ours", () => {
  const managed = Object.entries(template.Resources).filter(
    ([, { Properties }]) => Properties?.['ManagedPolicyArns'] !== undefined,
  )
  assert.deepEqual(
    managed.map(([name]) => name),
    ['ApiGatewayLogRole'],
  )
})

test('the first value of a secret never changes: CloudFormation would write it over the operator’s', () => {
  const { AmqpUrlSecret, ApiTokensSecret } = template.Resources
  assert.equal(AmqpUrlSecret?.Properties?.['SecretString'], undefined)
  assert.equal(AmqpUrlSecret?.Properties?.['GenerateSecretString'], undefined)
  assert.equal(ApiTokensSecret?.Properties?.['SecretString'], '{"tokens":[]}')
})
