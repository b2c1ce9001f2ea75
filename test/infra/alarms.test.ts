import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  EXTERNAL,
  listener,
  ofType,
  type Properties,
  propertiesOf,
  resourcesOf,
} from '../support/installation.ts'

const resources = resourcesOf()
const alarms = ofType(resources, 'AWS::CloudWatch::Alarm')

test('there is an alarm for all that somebody should look at', () => {
  assert.deepEqual(Object.keys(alarms).toSorted(), [
    'BrokerConnectionsAlarm',
    'BrokerDiskAlarm',
    'BrokerMemoryAlarm',
    'EdgeErrorsAlarm',
    'ForgottenStagingAlarm',
    'LatencyAlarm',
    'RelayTopic1BacklogAlarm',
    'RelayTopic1ParkedAlarm',
    'RelayTopic2BacklogAlarm',
    'RelayTopic2ParkedAlarm',
    'RotationAlarm',
    'ServerErrorsAlarm',
    'ThrottlesAlarm',
    'TimeoutsAlarm',
    'UnknownOutcomesAlarm',
  ])
})

test('without a broker of ours there is none of it, and none of an edge that is not there', () => {
  const names = Object.keys(
    ofType(resourcesOf(EXTERNAL, [listener('bound', 'bind')]), 'AWS::CloudWatch::Alarm'),
  )
  assert.deepEqual(
    names.filter((name) => /^(Broker|Edge|Relay|Rotation)/.test(name)),
    [],
  )
})

for (const [name, alarm] of Object.entries(alarms)) {
  test(`${name} tells the topic when it begins and ends, and says where to read on`, () => {
    const topic = [{ Ref: 'AlarmTopic' }]
    assert.partialDeepStrictEqual(alarm, { AlarmActions: topic, OKActions: topic })
    assert.match(String(alarm['AlarmDescription']), /docs\/(runbook\.md#\w|aws\.md)/)
  })
}

const dimensionsOf = ({ Dimensions }: Properties) =>
  Object.fromEntries((Dimensions as readonly Properties[]).map(({ Name, Value }) => [Name, Value]))

test('a relay that is silent is as bad as one that is late', () => {
  const { TreatMissingData, Threshold, EvaluationPeriods, ...alarm } =
    alarms['RelayTopic1BacklogAlarm'] ?? {}
  assert.deepEqual([TreatMissingData, Threshold, EvaluationPeriods], ['breaching', 1000, 3])
  assert.deepEqual([alarm['Namespace'], alarm['MetricName']], ['Warren', 'Backlog'])
  assert.deepEqual(dimensionsOf(alarm), {
    Stack: { Ref: 'AWS::StackName' },
    Staging: 'relay.exchange.topic1',
  })
})

test('a queue that was left behind stays an alarm until somebody has looked', () => {
  const alarm = alarms['ForgottenStagingAlarm'] ?? {}
  assert.equal(alarm['TreatMissingData'], 'ignore')
  assert.equal(alarm['MetricName'], 'ForgottenStaging')
  assert.deepEqual(dimensionsOf(alarm), { Stack: { Ref: 'AWS::StackName' } })
})

test('connections are an alarm before the broker refuses them', () => {
  const threshold = (parameters: object) =>
    resourcesOf({ ...parameters })['BrokerConnectionsAlarm']?.Properties?.['Threshold']
  assert.equal(threshold({}), 240)
  assert.equal(threshold({ size: 'ha' }), 1600)
})

test('504 is counted in the access log, which has the status as a text', () => {
  const { AccessLogSetting } = propertiesOf(resources, 'RestStage')
  const { Format } = AccessLogSetting as { readonly Format: string }
  assert.equal(JSON.parse(Format).status, '$context.status')
  const { FilterPattern, MetricTransformations } = propertiesOf(resources, 'TimeoutsMetric')
  assert.equal(FilterPattern, '{ $.status = "504" }')
  const [made] = MetricTransformations as [Properties]
  const { Namespace, MetricName } = propertiesOf(resources, 'TimeoutsAlarm')
  assert.deepEqual([made['MetricNamespace'], made['MetricName']], [Namespace, MetricName])
})

test('whoever gives an address is told by e-mail, and the topic takes nothing over plain HTTP', () => {
  assert.deepEqual(ofType(resources, 'AWS::SNS::Subscription'), {})
  const told = resourcesOf({ alarmEmail: 'ops@example.com' })
  assert.deepEqual(propertiesOf(told, 'AlarmEmail'), {
    TopicArn: { Ref: 'AlarmTopic' },
    Protocol: 'email',
    Endpoint: 'ops@example.com',
  })
  const { PolicyDocument } = propertiesOf(told, 'AlarmTopicPolicy')
  const { Statement } = PolicyDocument as { readonly Statement: readonly Properties[] }
  assert.deepEqual(
    Statement.map(({ Effect, Condition }) => [Effect, Condition]),
    [
      ['Allow', { StringEquals: { 'aws:SourceAccount': { Ref: 'AWS::AccountId' } } }],
      ['Deny', { Bool: { 'aws:SecureTransport': 'false' } }],
    ],
  )
})

test('the dashboard is a page of CloudWatch, of metrics that there are', () => {
  const { DashboardBody } = resources['Dashboard']?.Properties ?? {}
  const { widgets } = JSON.parse((DashboardBody as { 'Fn::Sub': string })['Fn::Sub'])
  const titles = widgets.map(
    ({ properties }: { properties: { title: string } }) => properties.title,
  )
  assert.ok(titles.includes('Messages waiting for relays'))
  assert.ok(titles.includes('Broker: connections'))
  assert.equal(new Set(titles).size, titles.length)
  const places = widgets.map(({ x, y }: { x: number; y: number }) => `${x},${y}`)
  assert.equal(new Set(places).size, places.length)
  for (const [, name] of JSON.stringify(widgets).matchAll(/MetricName=\\"(\w+)/g)) {
    const known = ['Requests', 'Backlog', 'Parked', 'Forwarded']
    assert.ok(known.includes(name ?? ''), name)
  }
})

test('the dashboard shows what there is: no broker that is not ours, no edge that is not there', () => {
  const body = JSON.stringify(resourcesOf({ ...EXTERNAL, edge: '0' })['Dashboard'])
  assert.doesNotMatch(body, /AmazonMQ|EdgeApi/)
})
