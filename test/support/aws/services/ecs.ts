import type { Account } from '../account.ts'
import { AwsError } from '../errors.ts'
import { type Input, jsonService, type Service } from '../protocols.ts'
import { type EcsService, runTask, settle } from '../tasks.ts'

/** Amazon ECS as `npm run detach` uses it. */
export function ecs(account: Account): Service {
  const find = (arn: unknown): EcsService => {
    const service = account.services.get(String(arn))
    if (service === undefined) throw new AwsError('ServiceNotFoundException', `no service ${arn}`)
    return service
  }
  return jsonService({
    DescribeServices: ({ services }) => ({
      services: (services as string[]).map((arn) => describe(find(arn))),
      failures: [],
    }),
    UpdateService: async ({ service, desiredCount }) => {
      const found = find(service)
      found.desired = Number(desiredCount)
      await settle(account, found)
      return { service: describe(found) }
    },
    RunTask: async (input) => {
      const definition = account.taskDefinitions.get(String(input['taskDefinition']))
      if (definition === undefined) throw new AwsError('ClientException', 'no such task definition')
      const taskArn = await runTask(account, definition, commandOf(input))
      return { tasks: [{ taskArn, lastStatus: 'PENDING' }], failures: [] }
    },
    DescribeTaskDefinition: ({ taskDefinition }) => {
      const definition = account.taskDefinitions.get(String(taskDefinition))
      if (definition === undefined) throw new AwsError('ClientException', 'no such task definition')
      const [{ Name, Image, LogConfiguration }] = definition.ContainerDefinitions
      const logConfiguration = { logDriver: 'awslogs', options: LogConfiguration.Options }
      const containerDefinitions = [{ name: Name, image: Image, logConfiguration }]
      return { taskDefinition: { taskDefinitionArn: taskDefinition, containerDefinitions } }
    },
    DescribeTasks: ({ tasks }) => ({
      tasks: (tasks as string[]).map((taskArn) => {
        if (!account.tasks.has(taskArn)) throw new AwsError('InvalidParameterException', 'no task')
        const exitCode = account.tasks.get(taskArn)
        const lastStatus = exitCode === undefined ? 'RUNNING' : 'STOPPED'
        return { taskArn, lastStatus, containers: [{ name: 'relay', exitCode }] }
      }),
      failures: [],
    }),
  })
}

function describe({ arn, cluster, desired, task, taskDefinition, network }: EcsService) {
  const { AwsvpcConfiguration } = network as { AwsvpcConfiguration: Record<string, unknown> }
  const { Subnets, SecurityGroups, AssignPublicIp } = AwsvpcConfiguration
  const awsvpcConfiguration = {
    subnets: Subnets,
    securityGroups: SecurityGroups,
    assignPublicIp: AssignPublicIp,
  }
  return {
    serviceArn: arn,
    clusterArn: cluster,
    status: 'ACTIVE',
    desiredCount: desired,
    runningCount: task === undefined ? 0 : 1,
    pendingCount: 0,
    taskDefinition: taskDefinition.arn,
    networkConfiguration: { awsvpcConfiguration },
  }
}

function commandOf({ overrides }: Input): readonly string[] {
  const { containerOverrides = [] } = (overrides ?? {}) as {
    containerOverrides?: { command: string[] }[]
  }
  return containerOverrides[0]?.command ?? []
}
