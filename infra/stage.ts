import type { Installation } from './aws/installation.ts'
import { getAtt, join, REST_API, type Resources, ref } from './cloudformation.ts'

/** The stage's logical id. Its name and its deployment come from the rest-stage plugin. */
export const REST_STAGE = 'RestStage'

/**
 * One line per request, of values that no caller chooses: headers and the query may hold a token, and
 * API Gateway escapes nothing.
 */
const ACCESS_LOG = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTimeEpoch',
  status: '$context.status',
  method: '$context.httpMethod',
  resource: '$context.resourcePath',
  principal: '$context.authorizer.principalId',
  ip: '$context.identity.sourceIp',
  ms: '$context.responseLatency',
  error: '$context.error.responseType',
})

const LOG_RETENTION_DAYS = 30

/** The stage with its limits and its log. */
export const stage = ({ requestsPerSecond }: Installation): Resources => ({
  RestAccessLog: {
    Type: 'AWS::Logs::LogGroup',
    Properties: {
      LogGroupName: join('/aws/apigateway/', ref('AWS::StackName')),
      RetentionInDays: LOG_RETENTION_DAYS,
    },
  },
  [REST_STAGE]: {
    Type: 'AWS::ApiGateway::Stage',
    // Without the account's role API Gateway refuses a stage that logs.
    DependsOn: ['ApiGatewayAccount'],
    Properties: {
      RestApiId: ref(REST_API),
      AccessLogSetting: { DestinationArn: getAtt('RestAccessLog', 'Arn'), Format: ACCESS_LOG },
      MethodSettings: [
        {
          HttpMethod: '*',
          ResourcePath: '/*',
          MetricsEnabled: true,
          // Execution logs would hold headers and bodies.
          LoggingLevel: 'OFF',
          DataTraceEnabled: false,
          ThrottlingRateLimit: requestsPerSecond,
          ThrottlingBurstLimit: 2 * requestsPerSecond,
        },
      ],
    },
  },
  // One per account and region, whoever sets it: it outlives the stack, since other APIs log by it.
  ApiGatewayAccount: {
    Type: 'AWS::ApiGateway::Account',
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: { CloudWatchRoleArn: getAtt('ApiGatewayLogRole', 'Arn') },
  },
  ApiGatewayLogRole: {
    Type: 'AWS::IAM::Role',
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      AssumeRolePolicyDocument: {
        Version: '2012-10-17',
        Statement: [
          {
            Effect: 'Allow',
            Principal: { Service: 'apigateway.amazonaws.com' },
            Action: 'sts:AssumeRole',
          },
        ],
      },
      ManagedPolicyArns: [
        join(
          ...['arn:', ref('AWS::Partition'), ':iam::aws:policy/service-role/'],
          'AmazonAPIGatewayPushToCloudWatchLogs',
        ),
      ],
    },
  },
})
