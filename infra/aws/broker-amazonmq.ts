import {
  getAtt,
  join,
  type Output,
  type Resource,
  type Resources,
  ref,
  type Value,
} from '../cloudformation.ts'
import { BOOTSTRAP_SECRET, BOOTSTRAP_USER } from './broker-secrets.ts'
import { guardOf } from './guards.ts'
import type { Installation } from './installation.ts'
import { brokerSubnets } from './network.ts'
import { BROKER_GROUP } from './security-groups.ts'
import { ENGINE_VERSION, SIZES, type Size } from './sizes.ts'

const BROKER = 'Broker'
const CONFIGURATION = 'BrokerConfiguration'

/** As our other brokers are configured: 20 MiB bodies, and what an AMQP client may add to them. */
const MAX_MESSAGE_BYTES = 32 * 1024 * 1024

/** `amqps://host:5671` of the broker, or of the load balancer before its nodes. */
export const AMQP_ENDPOINT: Value = { 'Fn::Select': [0, getAtt(BROKER, 'AmqpEndpoints')] }

/** Amazon MQ for RabbitMQ: private, TLS only, and as large as the installation's size. */
export function amazonMq(installation: Installation): Resources {
  if (installation.broker.kind !== 'amazonmq') return {}
  const size = SIZES[installation.broker.size]
  const guard = guardOf(installation)
  return {
    [CONFIGURATION]: { ...configuration(size), ...guard },
    [BROKER]: { ...broker(size, brokerSubnets(installation)), ...guard },
  }
}

/** Channels of a function: some for exchanges, one to ask. The ceiling of mq.m7g.medium is 900 in all. */
const CHANNELS_PER_CONNECTION = 3

/**
 * The keys that Amazon MQ lets one set (its guide, "Resource limit configuration"); without them lower
 * defaults hold. A change makes a new revision, which each node takes when it is rebooted.
 */
const configuration = ({ connectionMax }: Size): Resource => ({
  Type: 'AWS::AmazonMQ::Configuration',
  Properties: {
    Name: ref('AWS::StackName'),
    EngineType: 'RABBITMQ',
    EngineVersion: ENGINE_VERSION,
    Data: {
      'Fn::Base64': [
        `connection_max = ${connectionMax}`,
        `channel_max_per_node = ${CHANNELS_PER_CONNECTION * connectionMax}`,
        `max_message_size = ${MAX_MESSAGE_BYTES}`,
        '',
      ].join('\n'),
    },
  },
})

const broker = ({ instanceType, deploymentMode }: Size, subnets: readonly Value[]): Resource => ({
  Type: 'AWS::AmazonMQ::Broker',
  Properties: {
    BrokerName: ref('AWS::StackName'),
    EngineType: 'RABBITMQ',
    EngineVersion: ENGINE_VERSION,
    HostInstanceType: instanceType,
    DeploymentMode: deploymentMode,
    SubnetIds: subnets,
    SecurityGroups: [getAtt(BROKER_GROUP, 'GroupId')],
    PubliclyAccessible: false,
    Configuration: { Id: ref(CONFIGURATION), Revision: getAtt(CONFIGURATION, 'Revision') },
    // Patches are Amazon's; a version of RabbitMQ (4.2, 4.3) changes only with ENGINE_VERSION.
    AutoMinorVersionUpgrade: true,
    MaintenanceWindowStartTime: { DayOfWeek: 'SUNDAY', TimeOfDay: '03:00', TimeZone: 'UTC' },
    Logs: { General: true },
    // The topology function makes all others, and takes this one's password away (docs/aws.md).
    Users: [{ Username: BOOTSTRAP_USER, Password: BOOTSTRAP_PASSWORD }],
  },
})

/** Resolved by CloudFormation, so that no template, event or parameter ever shows it. */
const BOOTSTRAP_PASSWORD = join(
  ...['{{resolve:secretsmanager:', ref(BOOTSTRAP_SECRET), ':SecretString:password}}'],
)

export const brokerOutputs = ({ broker }: Installation): Readonly<Record<string, Output>> =>
  broker.kind === 'amazonmq'
    ? {
        BrokerEndpoint: { Description: 'AMQP, from within the network', Value: AMQP_ENDPOINT },
      }
    : {}
