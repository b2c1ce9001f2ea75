import { setTimeout as sleep } from 'node:timers/promises'
import { CloudFormationClient, DescribeStackResourceCommand } from '@aws-sdk/client-cloudformation'
import {
  DescribeServicesCommand,
  DescribeTasksCommand,
  ECSClient,
  RunTaskCommand,
  type Service,
  UpdateServiceCommand,
} from '@aws-sdk/client-ecs'
import { relayId } from '#infra/aws/relay-ids.ts'
import type { RelayEntry } from '#infra/relays.ts'
import { ConfigError } from '#lib/config.ts'
import { runCommand, say } from './command.ts'
import { OPTIONS_HELP, readTarget, type Target } from './target.ts'
import { taskLog } from './task-log.ts'

const USAGE = `Retires a copying listener of a stage: stops its relay, unbinds its staging queue, forwards what waits
there and deletes it (relay detach). Then take its entry out of infra/relays.yml and deploy.

npm run detach -- --stage S NAME

  NAME                of the entry in infra/relays.yml
${OPTIONS_HELP}`

/** How often a task is looked at. */
const POLL_MS = 2_000
/** A task's stopTimeout is 120 s at most; Fargate takes a minute to start one. */
const STOPPED_WITHIN_MS = 300_000
/** relay detach forwards for 300 s by itself. */
const RETIRED_WITHIN_MS = 600_000

async function detach(args: readonly string[]): Promise<void> {
  const target = readTarget(args)
  const entry = entryOf(target)
  const ecs = new ECSClient({ region: target.region })
  const service = await serviceOf(ecs, target, entry)
  say(`stopping the relay ${entry.name} …`)
  await setCount(ecs, service, 0)
  const exitCode = await retire(ecs, service, target)
  if (exitCode === 0) {
    say(`${entry.name} is retired: take it out of infra/relays.yml and run npm run deploy`)
    return
  }
  await setCount(ecs, service, 1)
  throw new Error(`relay detach ended with ${exitCode}: the relay ${entry.name} runs again`)
}

function entryOf({ installation, positionals }: Target): RelayEntry {
  const [name, ...more] = positionals
  const entry = installation.relays.find((relay) => relay.name === name)
  if (entry === undefined || more.length > 0) {
    const names = installation.relays.map((relay) => relay.name).join(', ')
    throw new ConfigError([`NAME must be one of infra/relays.yml: ${names}`])
  }
  if (entry.mode === 'relay') return entry
  throw new ConfigError([
    `${entry.name} has no relay, the broker binds it: take it out of infra/relays.yml and deploy`,
  ])
}

async function serviceOf(ecs: ECSClient, target: Target, entry: RelayEntry): Promise<Service> {
  const cloudFormation = new CloudFormationClient({ region: target.region })
  const find = async (LogicalResourceId: string) => {
    const asked = new DescribeStackResourceCommand({ StackName: target.stack, LogicalResourceId })
    const { StackResourceDetail } = await cloudFormation.send(asked)
    return StackResourceDetail?.PhysicalResourceId as string
  }
  const cluster = await find('Cluster')
  const arn = await find(`${relayId(entry)}Service`)
  return describe(ecs, cluster, arn)
}

async function describe(ecs: ECSClient, cluster: string, arn: string): Promise<Service> {
  const found = await ecs.send(new DescribeServicesCommand({ cluster, services: [arn] }))
  const [service] = found.services ?? []
  if (service === undefined) throw new Error(`there is no service ${arn}`)
  return service
}

/** Resolves once as many tasks run. */
async function setCount(ecs: ECSClient, service: Service, desiredCount: number): Promise<void> {
  const { clusterArn: cluster = '', serviceArn = '' } = service
  await ecs.send(new UpdateServiceCommand({ cluster, service: serviceArn, desiredCount }))
  await poll(STOPPED_WITHIN_MS, async () => {
    const { runningCount } = await describe(ecs, cluster, serviceArn)
    return runningCount === desiredCount || undefined
  })
}

/** Runs `relay detach` as a task with the rights and the network of the relay; gives its exit code. */
async function retire(ecs: ECSClient, service: Service, { region }: Target): Promise<number> {
  const { clusterArn: cluster, taskDefinition, networkConfiguration } = service
  const { tasks, failures } = await ecs.send(
    new RunTaskCommand({
      cluster,
      taskDefinition,
      networkConfiguration,
      launchType: 'FARGATE',
      overrides: { containerOverrides: [{ name: 'relay', command: ['detach'] }] },
    }),
  )
  const task = tasks?.[0]?.taskArn
  if (task === undefined) throw new Error(`ECS starts no task: ${failures?.[0]?.reason}`)
  const exitCode = await poll(RETIRED_WITHIN_MS, async () => {
    const described = await ecs.send(new DescribeTasksCommand({ cluster, tasks: [task] }))
    const [found] = described.tasks ?? []
    return found?.lastStatus === 'STOPPED' ? (found.containers?.[0]?.exitCode ?? -1) : undefined
  })
  for (const line of await taskLog(region, taskDefinition ?? '', task)) say(line)
  return exitCode
}

/** Asks until there is an answer. @throws {Error} there is none in time */
async function poll<T>(withinMs: number, ask: () => Promise<T | undefined>): Promise<T> {
  const end = performance.now() + withinMs
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (performance.now() > end) throw new Error(`ECS was not done within ${withinMs / 1000} s`)
    await sleep(POLL_MS)
  }
}

await runCommand(USAGE, detach)
