import { EMF_NAMESPACE } from '#lib/emf.ts'
import { join, type Resource, type Resources, ref } from '../cloudformation.ts'
import { REST_STAGE } from '../stage.ts'
import { ALARM_TOPIC, alarm, type Metric } from './alarm.ts'
import { brokerAlarms } from './broker-alarms.ts'
import { hasEdge } from './cluster.ts'
import { EDGE_API } from './edge-api.ts'
import { policyDocument } from './iam.ts'
import type { Installation } from './installation.ts'
import { relayAlarms } from './relay-alarms.ts'

/** What somebody should look at, each with the section of docs/runbook.md that says what to do. */
export const alarms = (installation: Installation): Resources => ({
  ...topic(installation),
  ...apiAlarms,
  ...(hasEdge(installation) ? { EdgeErrorsAlarm: edgeErrors } : {}),
  ...brokerAlarms(installation),
  ...relayAlarms(installation),
})

const topic = ({ alarmEmail }: Installation): Resources => ({
  [ALARM_TOPIC]: { Type: 'AWS::SNS::Topic' },
  AlarmTopicPolicy: topicPolicy,
  ...(alarmEmail === undefined
    ? {}
    : {
        AlarmEmail: {
          Type: 'AWS::SNS::Subscription',
          Properties: { TopicArn: ref(ALARM_TOPIC), Protocol: 'email', Endpoint: alarmEmail },
        },
      }),
})

const topicPolicy: Resource = {
  Type: 'AWS::SNS::TopicPolicy',
  Properties: {
    Topics: [ref(ALARM_TOPIC)],
    PolicyDocument: policyDocument([
      {
        Effect: 'Allow',
        Principal: { Service: 'cloudwatch.amazonaws.com' },
        Action: 'sns:Publish',
        Resource: ref(ALARM_TOPIC),
        Condition: { StringEquals: { 'aws:SourceAccount': ref('AWS::AccountId') } },
      },
      {
        Effect: 'Deny',
        Principal: { AWS: '*' },
        Action: 'sns:Publish',
        Resource: ref(ALARM_TOPIC),
        Condition: { Bool: { 'aws:SecureTransport': 'false' } },
      },
    ]),
  },
}

const api = (name: string, statistic: string): Metric => ({
  namespace: 'AWS/ApiGateway',
  name,
  // The API has the stack's name (serverless.yml, apiName).
  dimensions: { ApiName: ref('AWS::StackName'), Stage: ref(REST_STAGE) },
  statistic,
})

const ours = (name: string, dimensions: Metric['dimensions'], statistic: string): Metric => ({
  name,
  dimensions,
  statistic,
})

const throttles = (functionName: string): Metric => ({
  namespace: 'AWS/Lambda',
  name: 'Throttles',
  dimensions: { FunctionName: ref(functionName) },
  statistic: 'Sum',
})

const share = (part: string) => `IF(all > 0, 100 * ${part} / all, 0)`

/** A filter's metric has no dimensions that are not in the log: the stack is in its name. */
const TIMEOUTS = {
  namespace: EMF_NAMESPACE,
  name: join('Timeouts-', ref('AWS::StackName')),
  dimensions: {},
  statistic: 'Sum',
} satisfies Metric

/** Thresholds as in infra/observability/alerts.yml, where there is a rule of the same name. */
const apiAlarms: Resources = {
  ServerErrorsAlarm: alarm({
    description:
      'More than 2 % of the requests are answered 5xx: docs/runbook.md#warrenservererrors',
    metrics: { errors: api('5XXError', 'Sum'), all: api('Count', 'Sum') },
    expression: share('errors'),
    above: 2,
  }),
  TimeoutsAlarm: alarm({
    description: 'Requests are answered 504: docs/runbook.md#confirm-timeout',
    metrics: TIMEOUTS,
    above: 0,
  }),
  UnknownOutcomesAlarm: alarm({
    description:
      'More than 0.1 % of the requests end without their fate being known: docs/runbook.md#warrenunknownoutcomes',
    metrics: {
      unknown: ours('Requests', { Outcome: 'unknown' }, 'Sum'),
      all: api('Count', 'Sum'),
    },
    expression: share('unknown'),
    period: 900,
    above: 0.1,
  }),
  LatencyAlarm: alarm({
    description: 'One answer in a hundred takes more than 2 s: docs/runbook.md#warrenconfirmslow',
    metrics: api('Latency', 'p99'),
    periods: 3,
    above: 2000,
  }),
  ThrottlesAlarm: alarm({
    description:
      'Lambda refuses requests: more at a time than publishConcurrency or the account allows (docs/aws.md)',
    metrics: {
      publish: throttles('PublishLambdaFunction'),
      batch: throttles('BatchLambdaFunction'),
    },
    expression: 'publish + batch',
    above: 0,
  }),
  ForgottenStagingAlarm: alarm({
    description:
      'A listener was removed while messages waited in its staging queue: docs/runbook.md#warrenstagingforgotten',
    metrics: ours('ForgottenStaging', {}, 'Maximum'),
    above: 0,
    // Nobody measures it again: it stays until somebody has looked.
    missing: 'ignore',
  }),
  // API Gateway counts 5xx, not 504: its access log tells them apart.
  TimeoutsMetric: {
    Type: 'AWS::Logs::MetricFilter',
    Properties: {
      LogGroupName: ref('RestAccessLog'),
      FilterPattern: '{ $.status = "504" }',
      MetricTransformations: [
        {
          MetricNamespace: TIMEOUTS.namespace,
          MetricName: TIMEOUTS.name,
          MetricValue: '1',
          DefaultValue: 0,
        },
      ],
    },
  },
}

const edgeErrors = alarm({
  description: 'The edge or the way to it answers 5xx: docs/runbook.md#gateway-lost',
  metrics: {
    namespace: 'AWS/ApiGateway',
    name: '5xx',
    dimensions: { ApiId: ref(EDGE_API) },
    statistic: 'Sum',
  },
  periods: 3,
  above: 0,
})
