import { CloudWatchLogsClient, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs'
import { DescribeTaskDefinitionCommand, ECSClient } from '@aws-sdk/client-ecs'

/** What a task of one container has printed. */
export async function taskLog(
  region: string,
  taskDefinition: string,
  taskArn: string,
): Promise<readonly string[]> {
  const described = await new ECSClient({ region }).send(
    new DescribeTaskDefinitionCommand({ taskDefinition }),
  )
  const [container] = described.taskDefinition?.containerDefinitions ?? []
  const options = container?.logConfiguration?.options ?? {}
  // ECS names a stream so (ECS's guide, "awslogs log driver").
  const stream = [options['awslogs-stream-prefix'], container?.name, taskArn.split('/').at(-1)]
  const asked = { logGroupName: options['awslogs-group'], logStreamName: stream.join('/') }
  const { events = [] } = await new CloudWatchLogsClient({ region }).send(
    new GetLogEventsCommand({ ...asked, startFromHead: true }),
  )
  return events.map(({ message = '' }) => message)
}
