import { randomUUID } from 'node:crypto'
import { type Account, arnOf } from '../account.ts'
import type { ResourceType, Wanted } from '../cloudformation/resource-type.ts'
import { AwsError } from '../errors.ts'
import { type EcsService, settle, stopTask, type TaskDefinition } from '../tasks.ts'

/** Any change makes a new revision. */
const taskDefinition: ResourceType = {
  create: ({ account, properties, stackName, logicalId }) => {
    const id = randomUUID().slice(0, 8)
    const arn = arnOf(account, 'ecs', `task-definition/${stackName}-${logicalId}:${id}`)
    account.taskDefinitions.set(arn, { ...(properties as unknown as TaskDefinition), arn })
    return { id: arn, attributes: { TaskDefinitionArn: arn } }
  },
  remove: ({ account }, { id }) => void account.taskDefinitions.delete(id),
}

const service: ResourceType = {
  create: async (wanted) => {
    const { account, logicalId, stackName, properties } = wanted
    const arn = arnOf(
      account,
      'ecs',
      `service/${stackName}-${logicalId}-${randomUUID().slice(0, 8)}`,
    )
    const made: EcsService = {
      arn,
      cluster: String(properties['Cluster']),
      network: properties['NetworkConfiguration'],
      taskDefinition: definitionOf(wanted),
      desired: Number(properties['DesiredCount']),
      task: undefined,
    }
    await settle(account, made)
    account.services.set(arn, made)
    return { id: arn, attributes: { ServiceArn: arn, Name: arn.split('/').at(-1) } }
  },
  update: async (wanted, made) => {
    const changed = serviceOf(wanted.account, made.id)
    changed.taskDefinition = definitionOf(wanted)
    changed.desired = Number(wanted.properties['DesiredCount'])
    await settle(wanted.account, changed)
    return made
  },
  remove: async ({ account }, { id }) => {
    await stopTask(account.services.get(id)?.task)
    account.services.delete(id)
  },
}

function serviceOf({ services }: Account, arn: string): EcsService {
  const found = services.get(arn)
  if (found === undefined) throw new AwsError('ServiceNotFoundException', `no service ${arn}`)
  return found
}

function definitionOf({ account, properties }: Wanted): TaskDefinition {
  const arn = String(properties['TaskDefinition'])
  const found = account.taskDefinitions.get(arn)
  if (found === undefined) throw new AwsError('ClientException', `no task definition ${arn}`)
  return found
}

export const ecsTypes: Readonly<Record<string, ResourceType>> = {
  'AWS::ECS::TaskDefinition': taskDefinition,
  'AWS::ECS::Service': service,
}
