import { randomUUID } from 'node:crypto'
import { arnOf } from '../account.ts'
import type { Made, ResourceType, Wanted } from '../cloudformation/resource-type.ts'

/** What a type gives, when nothing of what it does is needed here. */
interface Record_ {
  /** `Ref`: the property with the name, else the beginning of an id that is made up. */
  readonly ref?: string
  /** Attributes (CloudFormation's template reference, "Return values"); `Arn` ones are ARNs. */
  readonly attributes?: readonly string[]
}

const RECORDS: Readonly<Record<string, Record_>> = {
  'AWS::ApiGatewayV2::Api': { attributes: ['ApiEndpoint', 'ApiId'] },
  'AWS::ApiGatewayV2::Integration': {},
  'AWS::ApiGatewayV2::Route': {},
  'AWS::ApiGatewayV2::Stage': {},
  'AWS::ApiGatewayV2::VpcLink': { attributes: ['VpcLinkId'] },
  'AWS::CloudWatch::Alarm': { ref: 'AlarmName', attributes: ['Arn'] },
  'AWS::CloudWatch::CompositeAlarm': { ref: 'AlarmName', attributes: ['Arn'] },
  'AWS::CloudWatch::Dashboard': { ref: 'DashboardName' },
  'AWS::EC2::InternetGateway': { ref: 'igw-', attributes: ['InternetGatewayId'] },
  'AWS::EC2::Route': {},
  'AWS::EC2::RouteTable': { ref: 'rtb-', attributes: ['RouteTableId'] },
  'AWS::EC2::SecurityGroup': { ref: 'sg-', attributes: ['GroupId', 'VpcId'] },
  'AWS::EC2::SecurityGroupEgress': {},
  'AWS::EC2::SecurityGroupIngress': {},
  'AWS::EC2::Subnet': { ref: 'subnet-', attributes: ['AvailabilityZone', 'SubnetId'] },
  'AWS::EC2::SubnetRouteTableAssociation': {},
  'AWS::EC2::VPC': { ref: 'vpc-', attributes: ['CidrBlock', 'VpcId', 'DefaultSecurityGroup'] },
  'AWS::EC2::VPCEndpoint': { ref: 'vpce-' },
  'AWS::EC2::VPCGatewayAttachment': {},
  'AWS::ECS::Cluster': { ref: 'ClusterName', attributes: ['Arn'] },
  'AWS::Logs::MetricFilter': {},
  'AWS::S3::BucketPolicy': {},
  'AWS::SNS::Subscription': {},
  'AWS::SNS::Topic': { attributes: ['TopicArn', 'TopicName'] },
  'AWS::SNS::TopicPolicy': {},
  'AWS::SecretsManager::RotationSchedule': {},
  'AWS::ServiceDiscovery::PrivateDnsNamespace': { attributes: ['Arn', 'Id'] },
  'AWS::ServiceDiscovery::Service': { attributes: ['Arn', 'Id', 'Name'] },
}

export const recordTypes: Readonly<Record<string, ResourceType>> = Object.fromEntries(
  Object.entries(RECORDS).map(([type, record]) => [
    type,
    { create: (wanted) => make(wanted, record), update: (_wanted, made) => made },
  ]),
)

function make(wanted: Wanted, { ref = '', attributes = [] }: Record_): Made {
  const { account, type, properties, logicalId, stackName } = wanted
  const given = ref.endsWith('-') ? undefined : properties[ref]
  const id = String(given ?? `${ref.endsWith('-') ? ref : ''}${madeUp()}`)
  const [, service = ''] = type.toLowerCase().split('::')
  const value = (name: string) =>
    name.endsWith('Arn')
      ? arnOf(account, service, `${stackName}/${logicalId}/${id}`)
      : (properties[name] ?? (name.endsWith('Id') ? id : `${name.toLowerCase()}.${id}`))
  return { id, attributes: Object.fromEntries(attributes.map((name) => [name, value(name)])) }
}

const madeUp = () => randomUUID().replaceAll('-', '').slice(0, 17)
