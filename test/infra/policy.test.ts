import assert from 'node:assert/strict'
import { test } from 'node:test'
import { KINDS, listener, ofType, type Properties, resourcesOf } from '../support/installation.ts'

const LISTENERS = [listener('topic1'), listener('topic2'), listener('bound', 'bind')]

for (const [kind, parameters] of Object.entries(KINDS)) {
  const resources = resourcesOf(parameters, LISTENERS)
  const all = Object.entries(resources)

  test(`nothing can be reached from the internet but API Gateway (${kind})`, () => {
    for (const { PubliclyAccessible } of Object.values(
      ofType(resources, 'AWS::AmazonMQ::Broker'),
    )) {
      assert.equal(PubliclyAccessible, false)
    }
    for (const [id, rule] of Object.entries(ofType(resources, 'AWS::EC2::SecurityGroupIngress'))) {
      assert.ok('SourceSecurityGroupId' in rule, `${id} is for a group`)
      assert.ok(!('CidrIp' in rule || 'CidrIpv6' in rule), `${id} is for no network`)
    }
    const balancers = all.filter(([, { Type }]) => Type.includes('ElasticLoadBalancing'))
    assert.deepEqual(balancers, [])
  })

  test(`nothing is sent in the clear (${kind})`, () => {
    const text = JSON.stringify(resources)
    assert.doesNotMatch(text, /\b(amqp|http):\/\//)
    assert.doesNotMatch(text, /"(FromPort|ToPort)":(5672|15672|80)\b/)
  })

  test(`no secret is in the template, and none is made readable (${kind})`, () => {
    for (const [id, task] of Object.entries(ofType(resources, 'AWS::ECS::TaskDefinition'))) {
      const [{ Environment }] = task['ContainerDefinitions'] as [Properties]
      for (const { Name } of Environment as readonly { readonly Name: string }[]) {
        assert.doesNotMatch(Name, /PASS|API_TOKEN|URL_FILE|^(AMQP|DEST)_URL$/, id)
      }
    }
    for (const [id, { SecretString }] of Object.entries(
      ofType(resources, 'AWS::SecretsManager::Secret'),
    )) {
      assert.ok(SecretString === undefined || SecretString === '{"tokens":[]}', id)
    }
    assert.deepEqual(ofType(resources, 'AWS::SecretsManager::ResourcePolicy'), {})
  })

  test(`every log ends some day (${kind})`, () => {
    for (const [id, { RetentionInDays }] of Object.entries(
      ofType(resources, 'AWS::Logs::LogGroup'),
    )) {
      assert.equal(RetentionInDays, 30, id)
    }
  })

  test(`every listener is known to the broker, and those that copy have a task (${kind})`, () => {
    const listeners = Object.values(ofType(resources, 'Custom::WarrenListener'))
    assert.deepEqual(
      listeners.map(({ Name }) => Name),
      ['topic1', 'topic2', 'bound'],
    )
    const tasks = Object.keys(ofType(resources, 'AWS::ECS::Service'))
    assert.deepEqual(
      tasks.filter((id) => id !== 'EdgeService'),
      ['RelayTopic1Service', 'RelayTopic2Service'],
    )
  })
}

test('passwords change every month, and not at the moment of a deployment', () => {
  const rotated = Object.entries(
    ofType(resourcesOf(), 'AWS::SecretsManager::RotationSchedule'),
  ).map(([id, { RotationRules, RotateImmediatelyOnUpdate }]) => {
    assert.deepEqual(
      [RotationRules, RotateImmediatelyOnUpdate],
      [{ AutomaticallyAfterDays: 30 }, false],
    )
    return id.replace('Rotation', '')
  })
  assert.deepEqual(rotated, [
    ...['BrokerAdminSecret', 'PublishUrlSecret', 'BatchUrlSecret', 'ReadyUrlSecret'],
    ...['RelayTopic1', 'RelayTopic2'],
  ])
})
