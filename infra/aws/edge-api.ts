import { getAtt, join, type Output, type Resources, ref } from '../cloudformation.ts'
import { hasEdge, LOG_RETENTION_DAYS } from './cluster.ts'
import { CLIENT_HEADER, EDGE_NAMES, EDGE_SERVICE } from './edge-service.ts'
import type { Installation } from './installation.ts'
import { publicSubnets } from './network.ts'
import { VPC_LINK_GROUP, waysFrom } from './security-groups.ts'

export const EDGE_API = 'EdgeApi'

/**
 * The edge's own address: an HTTP API that passes everything on to nginx, path and all. Unlike a load
 * balancer it costs nothing while nobody calls.
 */
export function edgeApi(installation: Installation): Resources {
  if (!hasEdge(installation)) return {}
  return {
    [EDGE_API]: {
      Type: 'AWS::ApiGatewayV2::Api',
      Properties: { Name: join(ref('AWS::StackName'), '-edge'), ProtocolType: 'HTTP' },
    },
    EdgeVpcLink: {
      Type: 'AWS::ApiGatewayV2::VpcLink',
      DependsOn: waysFrom(VPC_LINK_GROUP, installation),
      Properties: {
        Name: join(ref('AWS::StackName'), '-edge'),
        SubnetIds: publicSubnets(installation),
        SecurityGroupIds: [getAtt(VPC_LINK_GROUP, 'GroupId')],
      },
    },
    ...passOn,
    ...stage(installation),
  }
}

const passOn: Resources = {
  EdgeIntegration: {
    Type: 'AWS::ApiGatewayV2::Integration',
    // Nothing is passed on before there is somebody to take it.
    DependsOn: [EDGE_SERVICE],
    Properties: {
      ApiId: ref(EDGE_API),
      IntegrationType: 'HTTP_PROXY',
      IntegrationMethod: 'ANY',
      IntegrationUri: getAtt(EDGE_NAMES, 'Arn'),
      ConnectionType: 'VPC_LINK',
      ConnectionId: ref('EdgeVpcLink'),
      PayloadFormatVersion: '1.0',
      // Above what the API and its functions take (10 s), so that theirs is the answer.
      TimeoutInMillis: 15_000,
      // Overwritten: what a caller says of its own address counts for nothing.
      RequestParameters: {
        [`overwrite:header.${CLIENT_HEADER}`]: '$context.identity.sourceIp',
      },
    },
  },
  EdgeRoute: {
    Type: 'AWS::ApiGatewayV2::Route',
    Properties: {
      ApiId: ref(EDGE_API),
      RouteKey: '$default',
      // Whoever may publish is decided by the API behind it.
      AuthorizationType: 'NONE',
      Target: join('integrations/', ref('EdgeIntegration')),
    },
  },
}

const ACCESS_LOG = JSON.stringify({
  requestId: '$context.requestId',
  time: '$context.requestTimeEpoch',
  status: '$context.status',
  method: '$context.httpMethod',
  ip: '$context.identity.sourceIp',
  ms: '$context.responseLatency',
  error: '$context.error.responseType',
})

const stage = ({ requestsPerSecond }: Installation): Resources => ({
  EdgeAccessLog: {
    Type: 'AWS::Logs::LogGroup',
    Properties: {
      LogGroupName: join('/aws/apigateway/', ref('AWS::StackName'), '-edge'),
      RetentionInDays: LOG_RETENTION_DAYS,
    },
  },
  EdgeStage: {
    Type: 'AWS::ApiGatewayV2::Stage',
    Properties: {
      ApiId: ref(EDGE_API),
      StageName: '$default',
      AutoDeploy: true,
      AccessLogSettings: { DestinationArn: getAtt('EdgeAccessLog', 'Arn'), Format: ACCESS_LOG },
      DefaultRouteSettings: {
        DetailedMetricsEnabled: false,
        ThrottlingRateLimit: requestsPerSecond,
        ThrottlingBurstLimit: 2 * requestsPerSecond,
      },
    },
  },
})

export const edgeOutputs = (installation: Installation): Readonly<Record<string, Output>> =>
  hasEdge(installation)
    ? {
        EdgeUrl: {
          Description: 'The API, through nginx',
          Value: getAtt(EDGE_API, 'ApiEndpoint'),
        },
      }
    : {}
