import {
  adminSecretArn,
  BOOTSTRAP_SECRET,
  CONNECTING,
  type Connecting,
  urlSecretArn,
} from './aws/broker-secrets.ts'
import { areInNetwork } from './aws/functions.ts'
import { allow, readSecrets, role, type Statement } from './aws/iam.ts'
import type { Installation } from './aws/installation.ts'
import { getAtt, join, type Resources, ref } from './cloudformation.ts'
import { API_TOKENS_SECRET } from './secrets.ts'

/** One role per function: each may write its own log, and use the secrets that it needs. */
export function roles(installation: Installation): Resources {
  const { broker } = installation
  const tokens = readSecrets(ref(API_TOKENS_SECRET))
  return {
    AuthorizerRole: functionRole('Authorizer', tokens),
    PublishRole: connecting('publish', installation),
    BatchRole: connecting('batch', installation),
    HealthRole: functionRole('Health'),
    ReadyRole: connecting('ready', installation),
    OpenapiRole: functionRole('Openapi'),
    DocsRole: functionRole('Docs'),
    ProblemsRole: functionRole('Problems'),
    FallbackRole: functionRole('Fallback'),
    [TOPOLOGY_ROLE]: functionRole(
      'Topology',
      ...networkOf('Topology', installation),
      ...topologyStatements(installation),
    ),
    ...(broker.kind === 'external' ? {} : { [ROTATION_ROLE]: rotationRole(installation) }),
  }
}

/** Each listener adds its own secret to what these may use. */
export const TOPOLOGY_ROLE = 'TopologyRole'
export const ROTATION_ROLE = 'RotationRole'

/** @param name the function's, capitalised as in the log group that serverless makes for it */
const functionRole = (name: string, ...statements: readonly Statement[]) =>
  role('lambda.amazonaws.com', [
    allow(['logs:CreateLogStream', 'logs:PutLogEvents'], getAtt(`${name}LogGroup`, 'Arn')),
    ...statements,
  ])

function connecting(name: Connecting, installation: Installation) {
  const capitalised = `${name[0]?.toUpperCase()}${name.slice(1)}`
  return functionRole(
    capitalised,
    ...networkOf(capitalised, installation),
    readSecrets(urlSecretArn(installation, name)),
  )
}

function topologyStatements(installation: Installation): Statement[] {
  const admin = adminSecretArn(installation)
  if (installation.broker.kind === 'external') return [readSecrets(admin)]
  const filled = [admin, ...CONNECTING.map((name) => urlSecretArn(installation, name))]
  return [
    readSecrets(ref(BOOTSTRAP_SECRET), ...filled),
    allow(['secretsmanager:PutSecretValue'], filled),
  ]
}

function rotationRole(installation: Installation) {
  const rotated = [
    adminSecretArn(installation),
    ...CONNECTING.map((name) => urlSecretArn(installation, name)),
  ]
  return functionRole('Rotation', ...networkOf('Rotation', installation), allow(ROTATING, rotated))
}

/** What rotation does with a secret. */
export const ROTATING = [
  'secretsmanager:DescribeSecret',
  'secretsmanager:GetSecretValue',
  'secretsmanager:PutSecretValue',
  'secretsmanager:UpdateSecretVersionStage',
]

/** Those of AWS's own policy for this, AWSLambdaVPCAccessExecutionRole (version 3). */
const INTERFACES = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
]

/**
 * What Lambda needs for a function in a network, on interfaces that have no name before they are made:
 * so `*`. The function's own code may do none of it.
 */
function networkOf(name: string, installation: Installation): Statement[] {
  if (!areInNetwork(installation)) return []
  const code = join(
    ...['arn:', ref('AWS::Partition'), ':lambda:', ref('AWS::Region'), ':', ref('AWS::AccountId')],
    ...[':function:', ref('AWS::StackName'), `-${name.toLowerCase()}`],
  )
  return [
    allow(INTERFACES, '*'),
    {
      Effect: 'Deny',
      Action: INTERFACES,
      Resource: '*',
      Condition: { ArnEquals: { 'lambda:SourceFunctionArn': code } },
    },
  ]
}
