import assert from 'node:assert/strict'
import { test } from 'node:test'
import { completeDeployment } from '#infra/plugins/rest-stage.ts'
import type { CompiledTemplate } from '#infra/plugins/serverless.ts'

const CLOCK_ID = 'ApiGatewayDeployment1795520417804'

/** The parts of a template that matter here, as serverless and our resources make them. */
function compiled(text = 'hello'): CompiledTemplate {
  return {
    Resources: {
      Method: { Type: 'AWS::ApiGateway::Method', Properties: { HttpMethod: 'POST' } },
      Authorizer: { Type: 'AWS::ApiGateway::Authorizer', Properties: {} },
      Response: { Type: 'AWS::ApiGateway::GatewayResponse', Properties: { text } },
      Function: { Type: 'AWS::Lambda::Function', Properties: {} },
      Account: { Type: 'AWS::ApiGateway::Account', Properties: {} },
      RestStage: { Type: 'AWS::ApiGateway::Stage', Properties: { RestApiId: 'api' } },
      [CLOCK_ID]: {
        Type: 'AWS::ApiGateway::Deployment',
        Properties: { RestApiId: 'api', StageName: 'dev' },
        DependsOn: ['Method'],
      },
    },
    Outputs: {},
  }
}

function completed(template: CompiledTemplate) {
  completeDeployment(template)
  const all = Object.entries(template.Resources)
  const [id, deployment] = all.find(([, { Type }]) => Type === 'AWS::ApiGateway::Deployment') ?? []
  assert.ok(id !== undefined && deployment !== undefined)
  return { id, deployment, stage: template.Resources['RestStage'] }
}

test('a deployment waits for every part of the API, and for nothing else', () => {
  const { deployment } = completed(compiled())
  assert.deepEqual(deployment.DependsOn, ['Authorizer', 'Method', 'Response'])
})

test('the stage is a resource of its own, with the name that the deployment had', () => {
  const { id, deployment, stage } = completed(compiled())
  assert.deepEqual(deployment.Properties, { RestApiId: 'api' })
  assert.deepEqual(stage?.Properties, {
    RestApiId: 'api',
    DeploymentId: { Ref: id },
    StageName: 'dev',
  })
})

test('the same API has the same deployment, in whatever order its parts come', () => {
  const template = compiled()
  const entries = Object.entries(template.Resources).reverse()
  const other = { ...template, Resources: Object.fromEntries(entries) }
  assert.equal(completed(other).id, completed(compiled()).id)
})

test('another API has another deployment', () => {
  assert.notEqual(completed(compiled('goodbye')).id, completed(compiled()).id)
})

test('code that changes is no reason to deploy the API again', () => {
  const template = compiled()
  template.Resources['Function'] = { Type: 'AWS::Lambda::Function', Properties: { Code: 'new' } }
  assert.equal(completed(template).id, completed(compiled()).id)
})
