import { readHttp } from '#lib/config.ts'
import { getAtt, join, REST_API, type Resources, ref, type Value } from '../cloudformation.ts'
import { REST_STAGE } from '../stage.ts'
import { hasEdge, logGroup, logTo, networkWays, service, task } from './cluster.ts'
import { role } from './iam.ts'
import { imageUri } from './images.ts'
import type { Installation } from './installation.ts'
import { publicSubnets, VPC } from './network.ts'
import { EDGE_GROUP, EDGE_PORT, waysFrom } from './security-groups.ts'

export const EDGE_SERVICE = 'EdgeService'
export const EDGE_NAMES = 'EdgeNames'

/** nginx as a task, known by name to API Gateway alone. The broker's console is not behind it. */
export function edgeService(installation: Installation): Resources {
  if (!hasEdge(installation)) return {}
  return {
    EdgeLogGroup: logGroup('edge'),
    // It asks nothing of AWS.
    EdgeTaskRole: role('ecs-tasks.amazonaws.com', []),
    EdgeTask: edgeTask,
    ...names,
    [EDGE_SERVICE]: service({
      task: 'EdgeTask',
      dependsOn: [...networkWays(installation), ...waysFrom(EDGE_GROUP, installation)],
      subnets: publicSubnets(installation),
      securityGroups: [getAtt(EDGE_GROUP, 'GroupId')],
      publicAddress: true,
      more: {
        ServiceRegistries: [
          {
            RegistryArn: getAtt(EDGE_NAMES, 'Arn'),
            ContainerName: 'edge',
            ContainerPort: EDGE_PORT,
          },
        ],
      },
    }),
  }
}

/** A private DNS zone; API Gateway asks Cloud Map itself, and learns the port from an SRV record. */
const names: Resources = {
  EdgeNamespace: {
    Type: 'AWS::ServiceDiscovery::PrivateDnsNamespace',
    Properties: { Name: join(ref('AWS::StackName'), '.internal'), Vpc: ref(VPC) },
  },
  [EDGE_NAMES]: {
    Type: 'AWS::ServiceDiscovery::Service',
    Properties: {
      Name: 'edge',
      NamespaceId: ref('EdgeNamespace'),
      DnsConfig: { DnsRecords: [{ Type: 'SRV', TTL: 10 }], RoutingPolicy: 'MULTIVALUE' },
      // ECS says whether a task is healthy.
      HealthCheckCustomConfig: { FailureThreshold: 1 },
    },
  },
}

/** Requests per second of one token, and of one address: it may be anybody's on the internet. */
const RATE = 200

/** The VPC's name server, at this address in every VPC (VPC's guide, "Amazon DNS server"). */
const RESOLVER = '169.254.169.253'

/** API Gateway's way into the network has addresses of the subnets; it says whose request it is. */
export const CLIENT_HEADER = 'X-Warren-Client'

const environment: Readonly<Record<string, Value>> = {
  EDGE_PORT: String(EDGE_PORT),
  API_URL: join(
    ...['https://', ref(REST_API), '.execute-api.', ref('AWS::Region'), '.'],
    ...[ref('AWS::URLSuffix'), '/', ref(REST_STAGE)],
  ),
  RESOLVERS: RESOLVER,
  TRUSTED_PROXIES: '10.0.128.0/17',
  REAL_IP_HEADER: CLIENT_HEADER,
  MAX_BODY_BYTES: String(readHttp({}).maxBodyBytes),
  RATE_PER_TOKEN: String(RATE),
  RATE_PER_ADDRESS: String(RATE),
}

/** Where nginx keeps its configuration and bodies on their way; the image's folder of that name. */
const HOME = '/var/lib/warren/edge'

const edgeTask = task({
  memory: 512,
  taskRole: 'EdgeTaskRole',
  volumes: [{ Name: 'edge' }],
  container: {
    Name: 'edge',
    Image: imageUri('edge'),
    // nginx lets requests under way finish, for 10 s (infra/edge/nginx-conf.ts).
    StopTimeout: 30,
    PortMappings: [{ ContainerPort: EDGE_PORT, Protocol: 'tcp' }],
    MountPoints: [{ SourceVolume: 'edge', ContainerPath: HOME, ReadOnly: false }],
    Ulimits: [{ Name: 'nofile', SoftLimit: 10_240, HardLimit: 10_240 }],
    Environment: Object.entries(environment).map(([Name, value]) => ({ Name, Value: value })),
    HealthCheck: {
      Command: ['CMD', 'bash', '-c', `</dev/tcp/127.0.0.1/${EDGE_PORT}`],
      ...{ Interval: 10, Timeout: 10, StartPeriod: 30, Retries: 3 },
    },
    LogConfiguration: logTo('EdgeLogGroup'),
  },
})
