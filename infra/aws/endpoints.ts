import { getAtt, join, type Resource, type Resources, ref, type Value } from '../cloudformation.ts'
import { policyDocument } from './iam.ts'
import type { Installation } from './installation.ts'
import { brokerSubnets, VPC } from './network.ts'
import { ENDPOINT_GROUP } from './security-groups.ts'

/** How the functions beside the broker reach the two services of AWS that they need, and no others. */
export function endpoints(installation: Installation): Resources {
  if (installation.broker.kind !== 'amazonmq') return {}
  return { SecretsEndpoint: secretsEndpoint(brokerSubnets(installation)), S3Endpoint: S3_ENDPOINT }
}

const secretsEndpoint = (subnets: readonly Value[]): Resource => ({
  Type: 'AWS::EC2::VPCEndpoint',
  Properties: {
    VpcEndpointType: 'Interface',
    ServiceName: join('com.amazonaws.', ref('AWS::Region'), '.secretsmanager'),
    VpcId: ref(VPC),
    SubnetIds: subnets,
    SecurityGroupIds: [getAtt(ENDPOINT_GROUP, 'GroupId')],
    PrivateDnsEnabled: true,
    PolicyDocument: policyDocument([
      {
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: [
          'secretsmanager:DescribeSecret',
          'secretsmanager:GetSecretValue',
          'secretsmanager:PutSecretValue',
          'secretsmanager:UpdateSecretVersionStage',
        ],
        Resource: join(
          ...['arn:', ref('AWS::Partition'), ':secretsmanager:', ref('AWS::Region')],
          ...[':', ref('AWS::AccountId'), ':secret:*'],
        ),
        Condition: { StringEquals: { 'aws:PrincipalAccount': ref('AWS::AccountId') } },
      },
    ]),
  },
})

/** CloudFormation takes the answers of custom resources in buckets of its own, by signed URLs. */
const S3_ENDPOINT: Resource = {
  Type: 'AWS::EC2::VPCEndpoint',
  Properties: {
    VpcEndpointType: 'Gateway',
    ServiceName: join('com.amazonaws.', ref('AWS::Region'), '.s3'),
    VpcId: ref(VPC),
    RouteTableIds: [ref('IsolatedRoutes')],
    PolicyDocument: policyDocument([
      {
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: ['s3:PutObject'],
        Resource: join(
          ...['arn:', ref('AWS::Partition'), ':s3:::cloudformation-custom-resource-response-*/*'],
        ),
      },
    ]),
  },
}
