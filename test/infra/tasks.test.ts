import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { createConfiguration, createTemplate } from '#infra/index.ts'
import type { RelayEntry } from '#infra/relays.ts'
import {
  EXTERNAL,
  EXTERNAL_IN_VPC,
  installation,
  listener,
  ofType,
  type Properties,
  resourcesOf,
  SECRET_ARN,
} from '../support/installation.ts'
import { ownHome } from '../support/stack.ts'

const resources = resourcesOf()
const tasks = ofType(resources, 'AWS::ECS::TaskDefinition')
const services = ofType(resources, 'AWS::ECS::Service')

const containerOf = ({ ContainerDefinitions }: Properties): Properties => {
  const [container, ...more] = ContainerDefinitions as readonly Properties[]
  assert.deepEqual(more, [])
  return container ?? {}
}

const environmentOf = (task: Properties = {}) =>
  Object.fromEntries(
    (containerOf(task)['Environment'] as readonly Properties[]).map(({ Name, Value }) => [
      Name,
      Value,
    ]),
  )

test('the edge and each relay are a task', () => {
  assert.deepEqual(Object.keys(tasks), ['RelayTopic1Task', 'RelayTopic2Task', 'EdgeTask'])
  assert.deepEqual(Object.keys(services), [
    'RelayTopic1Service',
    'RelayTopic2Service',
    'EdgeService',
  ])
})

for (const [name, task] of Object.entries(tasks)) {
  test(`${name} is small, of arm64, and can write and do nothing that it need not`, () => {
    assert.partialDeepStrictEqual(task, {
      RequiresCompatibilities: ['FARGATE'],
      RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
      NetworkMode: 'awsvpc',
      Cpu: '256',
      Memory: '512',
    })
    const container = containerOf(task)
    assert.partialDeepStrictEqual(container, {
      Essential: true,
      ReadonlyRootFilesystem: true,
      User: '1000:1000',
      LinuxParameters: { InitProcessEnabled: true, Capabilities: { Drop: ['ALL'] } },
    })
    assert.equal(container['Privileged'], undefined)
    assert.match(JSON.stringify(container['Image']), /AWS::StackName.+\/(relay|edge):[0-9a-f]{20}"/)
  })

  test(`${name} is asked for its health, and has the time that it needs to stop`, () => {
    const { HealthCheck, StopTimeout } = containerOf(task)
    const { Command } = HealthCheck as { readonly Command: readonly string[] }
    const isRelay = name !== 'EdgeTask'
    assert.match(Command.join(' '), isRelay ? /healthy 9091 \/healthz$/ : /127\.0\.0\.1\/8080$/)
    assert.equal(StopTimeout, isRelay ? 18 : 30)
  })
}

for (const [name, service] of Object.entries(services)) {
  test(`${name} never has less than one task, and takes a bad version back`, () => {
    assert.partialDeepStrictEqual(service, {
      LaunchType: 'FARGATE',
      DesiredCount: 1,
      DeploymentConfiguration: {
        MinimumHealthyPercent: 100,
        MaximumPercent: 200,
        DeploymentCircuitBreaker: { Enable: true, Rollback: true },
      },
    })
    assert.ok(resources[name]?.DependsOn?.includes('PublicRoute'))
  })
}

test('a relay knows its secret by the ARN and reads it itself, so that a rotation reaches it', () => {
  assert.deepEqual(environmentOf(tasks['RelayTopic1Task']), {
    EXCHANGE: 'exchange',
    QUEUE_TOPIC: 'topic1',
    RELAY_MODE: 'relay',
    HOST: '127.0.0.1',
    METRICS_STACK: { Ref: 'AWS::StackName' },
    AMQP_URL_SECRET_ARN: { Ref: 'RelayTopic1UrlSecret' },
  })
  assert.equal(containerOf(tasks['RelayTopic1Task'] ?? {})['Secrets'], undefined)
})

test('a relay starts when the broker knows its user and its queues', () => {
  const { DependsOn } = resources['RelayTopic1Service'] ?? {}
  assert.equal(DependsOn?.[0], 'RelayTopic1Listener')
  assert.ok(DependsOn?.includes('RelayToBroker5671In'))
  assert.ok(DependsOn?.includes('RelayToEndpoint443In'))
})

test('a listener is made in the broker after its vhost, and with rights on its own names alone', () => {
  const { Type, DependsOn, Properties } = resources['RelayTopic1Listener'] ?? {}
  assert.equal(Type, 'Custom::WarrenListener')
  assert.deepEqual(DependsOn, ['Topology', 'RelayTopic1SecretPolicy'])
  const own = 'relay\\.exchange\\.topic1|relay\\.exchange\\.topic1\\.dead'
  assert.partialDeepStrictEqual(Properties, {
    ServiceToken: { 'Fn::GetAtt': ['TopologyLambdaFunction', 'Arn'] },
    AdminSecretArn: { Ref: 'BrokerAdminSecret' },
    Name: 'topic1',
    Settings: { EXCHANGE: 'exchange', QUEUE_TOPIC: 'topic1', RELAY_MODE: 'relay' },
    User: {
      Name: 'relay-topic1',
      SecretArn: { Ref: 'RelayTopic1UrlSecret' },
      Read: `^(exchange|${own})$`,
    },
  })
})

test('a relay that needs longer to stop gets longer, up to what Fargate allows', () => {
  const patient = (ms: string): RelayEntry => ({
    ...listener('patient'),
    settings: { SHUTDOWN_GRACE_MS: ms },
  })
  const timeout = (entry: RelayEntry) =>
    containerOf(resourcesOf({}, [entry])['RelayPatientTask']?.Properties ?? {})['StopTimeout']
  assert.equal(timeout(patient('60500')), 71)
  assert.equal(timeout(patient('300000')), 120)
})

test('the edge passes everything on to the API, and believes API Gateway about callers', () => {
  const { API_URL, ...rest } = environmentOf(tasks['EdgeTask'])
  assert.match(JSON.stringify(API_URL), /https:\/\/".+ApiGatewayRestApi.+execute-api.+RestStage/)
  assert.deepEqual(rest, {
    EDGE_PORT: '8080',
    RESOLVERS: '169.254.169.253',
    TRUSTED_PROXIES: '10.0.128.0/17',
    REAL_IP_HEADER: 'X-Warren-Client',
    MAX_BODY_BYTES: '4613734',
    RATE_PER_TOKEN: '200',
    RATE_PER_ADDRESS: '200',
  })
  assert.deepEqual(resources['EdgeIntegration']?.Properties?.['RequestParameters'], {
    'overwrite:header.X-Warren-Client': '$context.identity.sourceIp',
  })
})

test('all that the edge can write to is its folder', () => {
  const task = tasks['EdgeTask'] ?? {}
  assert.deepEqual(task['Volumes'], [{ Name: 'edge' }])
  assert.deepEqual(containerOf(task)['MountPoints'], [
    { SourceVolume: 'edge', ContainerPath: '/var/lib/warren/edge', ReadOnly: false },
  ])
})

test('in the network of a company tasks have no address on the internet', () => {
  const { Properties } = resourcesOf(EXTERNAL_IN_VPC)['RelayTopic1Service'] ?? {}
  assert.deepEqual(Properties?.['NetworkConfiguration'], {
    AwsvpcConfiguration: {
      Subnets: ['subnet-0a1b2c3d', 'subnet-0a1b2c3e'],
      SecurityGroups: ['sg-0a1b2c3d'],
      AssignPublicIp: 'DISABLED',
    },
  })
})

test('functions and relays know the authority of the broker that a company has', (t) => {
  const file = join(ownHome(t), 'ca.pem')
  const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'
  writeFileSync(file, pem)
  const chosen = installation({ ...EXTERNAL, brokerCaFile: file })
  const relay = createTemplate(chosen).Resources['RelayTopic1Task']?.Properties
  assert.partialDeepStrictEqual(environmentOf(relay), { RABBIT_CA_FILE: pem })
  const settings = { AMQP_URL_SECRET_ARN: SECRET_ARN, RABBIT_CA_FILE: pem }
  assert.deepEqual(createConfiguration(chosen).brokerEnvironments, {
    ...{ publish: settings, batch: settings, ready: settings },
    topology: { RABBIT_CA_FILE: pem },
  })
})
