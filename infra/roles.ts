import { getAtt, type Resource, type Resources, ref, type Value } from './cloudformation.ts'
import { AMQP_URL_SECRET, API_TOKENS_SECRET } from './secrets.ts'

/** One role per function: each may write its own log and read the one secret that it needs. */
export const roles: Resources = {
  AuthorizerRole: role('Authorizer', reads(API_TOKENS_SECRET)),
  PublishRole: role('Publish', reads(AMQP_URL_SECRET)),
  BatchRole: role('Batch', reads(AMQP_URL_SECRET)),
  HealthRole: role('Health'),
  ReadyRole: role('Ready', reads(AMQP_URL_SECRET)),
  OpenapiRole: role('Openapi'),
  DocsRole: role('Docs'),
  ProblemsRole: role('Problems'),
  FallbackRole: role('Fallback'),
}

interface Statement {
  readonly [key: string]: Value
  readonly Action: readonly string[]
  readonly Resource: Value
}

function reads(secret: string): Statement {
  return { Effect: 'Allow', Action: ['secretsmanager:GetSecretValue'], Resource: ref(secret) }
}

/** @param name the function's, capitalised as in the log group that serverless makes for it */
function role(name: string, ...statements: readonly Statement[]): Resource {
  const logs: Statement = {
    Effect: 'Allow',
    Action: ['logs:CreateLogStream', 'logs:PutLogEvents'],
    Resource: getAtt(`${name}LogGroup`, 'Arn'),
  }
  return {
    Type: 'AWS::IAM::Role',
    Properties: {
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'lambda.amazonaws.com' },
            Action: 'sts:AssumeRole',
          },
        ],
      },
      Policies: [
        {
          PolicyName: 'warren',
          PolicyDocument: { Version: '2012-10-17', Statement: [logs, ...statements] },
        },
      ],
    },
  }
}
