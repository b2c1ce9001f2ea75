import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '#infra/local/ports.ts'
import { until } from '../until.ts'
import { type Account, arnOf, roleNameOf } from './account.ts'
import { AwsError } from './errors.ts'
import { cloudEnv, REDIRECT } from './processes.ts'

/** One container and who it runs as. */
export interface TaskDefinition {
  readonly arn: string
  readonly TaskRoleArn: string
  readonly ContainerDefinitions: readonly [Container]
}

interface Container {
  readonly Name: string
  readonly Image: string
  readonly Environment?: readonly { readonly Name: string; readonly Value: string }[]
  /** Seconds. */
  readonly StopTimeout: number
  readonly LogConfiguration: { readonly Options: Readonly<Record<string, string>> }
}

/** A service that keeps one task, or none. */
export interface EcsService {
  readonly arn: string
  readonly cluster: string
  readonly network: unknown
  taskDefinition: TaskDefinition
  desired: number
  task: Task | undefined
}

/** A task that runs; an image without a program here has no process. */
export interface Task {
  readonly arn: string
  readonly child: ChildProcess | undefined
  readonly definition: TaskDefinition
}

const HEALTHY_MS = 30_000

/**
 * Starts a task.
 * @param args the container's command
 * @throws {AwsError} its image was not pushed
 */
async function startTask(
  account: Account,
  definition: TaskDefinition,
  args: readonly string[],
): Promise<Task & { readonly healthPort: number }> {
  const [container] = definition.ContainerDefinitions
  const program = programOf(account, container.Image)
  const [healthPort] = (await freePorts(1)) as [number]
  const arn = arnOf(account, 'ecs', `task/${randomUUID().replaceAll('-', '')}`)
  if (program === undefined) return { arn, child: undefined, definition, healthPort }
  const given = (container.Environment ?? []).map(({ Name, Value }) => [Name, Value])
  const child = spawn(process.execPath, ['--require', REDIRECT, program, ...args], {
    cwd: dirname(program),
    env: {
      // As the image has it, but that all tasks share one network here.
      ...{ NODE_ENV: 'production', HEALTH_PORT: String(healthPort) },
      ...Object.fromEntries(given),
      ...cloudEnv(account, roleNameOf(account, definition.TaskRoleArn), hostsOf(account)),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const lines = account.logs.get(container.LogConfiguration.Options['awslogs-group'] ?? '') ?? []
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => lines.push(line))
  }
  return { arn, child, definition, healthPort }
}

const hostsOf = ({ hosts, amazonMq }: Account) => ({ ...hosts, ...amazonMq?.hosts })

/** `<account>.dkr.ecr.<region>.amazonaws.com/<repository>:<tag>` */
function programOf({ repositories, programs }: Account, image: string): string | undefined {
  const [, repository = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(image) ?? []
  if (!repositories.get(repository)?.has(tag)) {
    throw new AwsError('CannotPullContainerError', `image not found: ${image}`)
  }
  return programs[repository.split('/').at(-1) ?? '']
}

/**
 * Brings a service's task to its definition and its number: a new one has to become healthy before the
 * old one is stopped.
 * @throws {AwsError} it does not
 */
export async function settle(account: Account, service: EcsService): Promise<void> {
  const { task: old, taskDefinition, desired } = service
  if (desired === 0) {
    service.task = undefined
    return stopTask(old)
  }
  if (old?.definition.arn === taskDefinition.arn) return
  const task = await startTask(account, taskDefinition, [])
  try {
    if (task.child) await untilHealthy(task.child, task.healthPort)
  } catch (error) {
    await stopTask(task)
    const what = `ECS Deployment Circuit Breaker was triggered: ${(error as Error).message}`
    throw new AwsError('NotStabilized', what)
  }
  service.task = task
  await stopTask(old)
}

async function untilHealthy(child: ChildProcess, port: number): Promise<void> {
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/healthz`).then(
      ({ status, body }) => body?.cancel().then(() => status === 200),
      () => child.exitCode !== null,
    )
  await until('the task is healthy', answers, HEALTHY_MS)
  if (child.exitCode !== null) throw new Error(`the task ended with ${child.exitCode}`)
}

/** SIGTERM, and SIGKILL after the container's time. */
export async function stopTask(task: Task | undefined): Promise<void> {
  const child = task?.child
  if (task === undefined || child === undefined || child.exitCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  const graceMs = task.definition.ContainerDefinitions[0].StopTimeout * 1000
  const late = sleep(graceMs, 'late', { ref: false })
  if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL')
  await ended
}

/** Runs a task with a command of its own; its exit code comes into the account's `tasks`. */
export async function runTask(
  account: Account,
  definition: TaskDefinition,
  args: readonly string[],
): Promise<string> {
  const { arn, child } = await startTask(account, definition, args)
  account.tasks.set(arn, undefined)
  if (child === undefined) throw new AwsError('UnknownToStandIn', 'a task without a program', 501)
  child.once('exit', (code) => account.tasks.set(arn, code ?? 137))
  return arn
}
