import { getAtt, join, type Resource, type Resources, ref, type Value } from '../cloudformation.ts'
import { allow, role } from './iam.ts'
import { type ImageName, repositoryOf } from './images.ts'
import type { Installation } from './installation.ts'
import { hasNetwork, publicSubnets } from './network.ts'
import { copying } from './relay-ids.ts'

const CLUSTER = 'Cluster'
const EXECUTION_ROLE = 'TaskExecutionRole'

/** The edge runs where there is a network of ours. */
export const hasEdge = (installation: Installation): boolean =>
  installation.edge && hasNetwork(installation)

/** What all tasks have in common. */
export function cluster(installation: Installation): Resources {
  if (copying(installation.relays).length === 0 && !hasEdge(installation)) return {}
  return {
    [CLUSTER]: { Type: 'AWS::ECS::Cluster' },
    [EXECUTION_ROLE]: executionRole,
  }
}

const arn = (service: string, ...rest: readonly Value[]) =>
  join(
    ...['arn:', ref('AWS::Partition'), `:${service}:`, ref('AWS::Region'), ':'],
    ...[ref('AWS::AccountId'), ':', ...rest],
  )

const repositoryArn = (image: ImageName) =>
  arn('ecr', 'repository/', ref('AWS::StackName'), repositoryOf('', image))

/** What ECS does before a task runs: it takes the image, and opens the log. No task can use it. */
const executionRole: Resource = role('ecs-tasks.amazonaws.com', [
  // A token for the account's registry as a whole: ECR knows no narrower one.
  allow(['ecr:GetAuthorizationToken'], '*'),
  allow(
    ['ecr:BatchCheckLayerAvailability', 'ecr:BatchGetImage', 'ecr:GetDownloadUrlForLayer'],
    [repositoryArn('relay'), repositoryArn('edge')],
  ),
  allow(
    ['logs:CreateLogStream', 'logs:PutLogEvents'],
    arn('logs', 'log-group:', taskLogGroup('*'), ':*'),
  ),
])

/** Name of the log group of a task. */
function taskLogGroup(name: string): Value {
  return join('/warren/', ref('AWS::StackName'), `/${name}`)
}

export const LOG_RETENTION_DAYS = 30

export const logGroup = (name: string): Resource => ({
  Type: 'AWS::Logs::LogGroup',
  Properties: { LogGroupName: taskLogGroup(name), RetentionInDays: LOG_RETENTION_DAYS },
})

/** A container's log: lines are dropped rather than that a log which is away holds up the work. */
export const logTo = (logGroupId: string): Value => ({
  LogDriver: 'awslogs',
  Options: {
    'awslogs-group': ref(logGroupId),
    'awslogs-region': ref('AWS::Region'),
    'awslogs-stream-prefix': 'task',
    mode: 'non-blocking',
    'max-buffer-size': '4m',
  },
})

interface TaskOptions {
  /** MiB. */
  readonly memory: 512 | 1024 | 2048
  readonly taskRole: string
  readonly container: { readonly [key: string]: Value }
  readonly volumes?: readonly Value[]
}

/** A quarter of a processor; nothing can be written but to volumes, and nothing needs a privilege. */
export const task = ({ memory, taskRole, container, volumes = [] }: TaskOptions): Resource => ({
  Type: 'AWS::ECS::TaskDefinition',
  Properties: {
    RequiresCompatibilities: ['FARGATE'],
    RuntimePlatform: { CpuArchitecture: 'ARM64', OperatingSystemFamily: 'LINUX' },
    NetworkMode: 'awsvpc',
    Cpu: '256',
    Memory: String(memory),
    ExecutionRoleArn: getAtt(EXECUTION_ROLE, 'Arn'),
    TaskRoleArn: getAtt(taskRole, 'Arn'),
    ...(volumes.length === 0 ? {} : { Volumes: volumes }),
    ContainerDefinitions: [
      {
        Essential: true,
        ReadonlyRootFilesystem: true,
        User: '1000:1000',
        LinuxParameters: { InitProcessEnabled: true, Capabilities: { Drop: ['ALL'] } },
        ...container,
      },
    ],
  },
})

interface ServiceOptions {
  readonly task: string
  readonly dependsOn: readonly string[]
  readonly subnets: readonly Value[]
  readonly securityGroups: readonly Value[]
  readonly publicAddress: boolean
  readonly more?: { readonly [key: string]: Value }
}

/** One task. A new version that does not become healthy is taken back, and with it the deployment. */
export const service = (options: ServiceOptions): Resource => ({
  Type: 'AWS::ECS::Service',
  DependsOn: options.dependsOn,
  Properties: {
    Cluster: ref(CLUSTER),
    TaskDefinition: ref(options.task),
    LaunchType: 'FARGATE',
    DesiredCount: 1,
    DeploymentConfiguration: {
      MinimumHealthyPercent: 100,
      MaximumPercent: 200,
      DeploymentCircuitBreaker: { Enable: true, Rollback: true },
    },
    NetworkConfiguration: {
      AwsvpcConfiguration: {
        Subnets: options.subnets,
        SecurityGroups: options.securityGroups,
        AssignPublicIp: options.publicAddress ? 'ENABLED' : 'DISABLED',
      },
    },
    PropagateTags: 'SERVICE',
    ...options.more,
  },
})

/** What a task needs of the network before it can start. */
export const networkWays = (installation: Installation): readonly string[] =>
  hasNetwork(installation)
    ? [
        'PublicRoute',
        ...publicSubnets(installation).map((subnet) => `${(subnet as { Ref: string }).Ref}Routes`),
      ]
    : []
