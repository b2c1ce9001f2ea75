import { type ChildProcess, fork } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { unzip } from '../unzip.ts'
import { type Account, arnOf, statementsOf } from './account.ts'
import { allows } from './policy.ts'
import { cloudEnv, REDIRECT } from './processes.ts'

/** A Lambda function: its code unpacked, and the environments that run it, each for one event at a time. */
export interface DeployedFunction {
  readonly name: string
  readonly arn: string
  readonly modified: Date
  readonly folder: string
  readonly configuration: Configuration
  readonly account: Account
  /** Those that wait for an event. */
  readonly idle: ChildProcess[]
  readonly all: Set<ChildProcess>
}

export interface Configuration {
  readonly Handler: string
  /** Seconds. */
  readonly Timeout: number
  readonly MemorySize: number
  readonly Variables: Readonly<Record<string, string>>
  readonly roleName: string
  /** Where the function's log goes. */
  readonly logGroup: string
  /** Where hosts of the template's are to be found here, as `host:port` to `host:port`. */
  readonly hosts: Readonly<Record<string, string>>
}

/** What an invocation ended in. */
export interface Outcome {
  readonly result?: unknown
  readonly error?: { readonly errorType: string; readonly errorMessage: string }
}

const BOOTSTRAP = join(import.meta.dirname, 'bootstrap.cjs')

/** Unpacks a function's zip. */
export function deployFunction(
  account: Account,
  name: string,
  archive: Buffer,
  configuration: Configuration,
): DeployedFunction {
  const folder = mkdtempSync(join(tmpdir(), 'warren-lambda-'))
  for (const [file, content] of unzip(archive)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), content)
  }
  const arn = arnOf(account, 'lambda', `function:${name}`)
  const modified = new Date()
  const deployed = {
    name,
    arn,
    modified,
    folder,
    configuration,
    account,
    idle: [],
    all: new Set<ChildProcess>(),
  }
  account.functions.set(name, deployed)
  return deployed
}

/** Ends its environments and deletes its code. */
export async function undeployFunction({ all, folder }: DeployedFunction): Promise<void> {
  for (const child of all) child.kill('SIGKILL')
  await Promise.all(
    [...all].map((child) => child.exitCode ?? child.signalCode ?? once(child, 'exit')),
  )
  rmSync(folder, { recursive: true, force: true })
}

/** Runs the function on an event, in an environment that is free or a new one, for its time at most. */
export async function invoke(deployed: DeployedFunction, event: unknown): Promise<Outcome> {
  const { idle, configuration } = deployed
  const child = idle.pop() ?? startEnvironment(deployed)
  const timeoutMs = configuration.Timeout * 1000
  const cancel = new AbortController()
  const { signal } = cancel
  const answered = once(child, 'message', { signal }).then(([outcome]) => outcome as Outcome)
  const ended = once(child, 'exit', { signal }).then(() =>
    failure('Runtime.ExitError', 'the process ended'),
  )
  const late = sleep(timeoutMs, 'late', { signal })
  for (const promise of [answered, ended, late]) promise.catch(() => {})
  child.send({ event, timeoutMs, requestId: randomUUID() })
  const first = await Promise.race([answered, ended, late])
  cancel.abort()
  if (first !== 'late') {
    if (child.connected) idle.push(child)
    return first as Outcome
  }
  child.kill('SIGKILL')
  return failure('Sandbox.Timedout', `Task timed out after ${configuration.Timeout}.00 seconds`)
}

const failure = (errorType: string, errorMessage: string): Outcome => ({
  error: { errorType, errorMessage },
})

function startEnvironment(deployed: DeployedFunction): ChildProcess {
  const { folder, all } = deployed
  const child = fork(BOOTSTRAP, [], {
    cwd: folder,
    env: environmentOf(deployed),
    execArgv: ['--require', REDIRECT],
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  all.add(child)
  child.once('exit', () => {
    all.delete(child)
    deployed.idle.splice(
      0,
      Number.POSITIVE_INFINITY,
      ...deployed.idle.filter((one) => one !== child),
    )
  })
  const lines = logOf(deployed)
  for (const stream of [child.stdout, child.stderr]) {
    if (stream) createInterface({ input: stream }).on('line', (line) => lines.push(line))
  }
  return child
}

/** Where its lines go: nowhere, when its role may not write them or there is no such log. */
function logOf({ account, configuration }: DeployedFunction): string[] {
  const { roleName, logGroup } = configuration
  const stream = `${arnOf(account, 'logs', `log-group:${logGroup}`)}:log-stream:any`
  const statements = statementsOf(account.roles.get(roleName))
  return (allows(statements, 'logs:PutLogEvents', stream) && account.logs.get(logGroup)) || []
}

/** The template's variables, and those that Lambda sets. */
function environmentOf({
  name,
  folder,
  configuration,
  account,
}: DeployedFunction): NodeJS.ProcessEnv {
  const { roleName, logGroup, Handler, MemorySize, Variables, hosts } = configuration
  return {
    ...Variables,
    ...cloudEnv(account, roleName, hosts),
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    _HANDLER: Handler,
    LAMBDA_TASK_ROOT: folder,
    AWS_EXECUTION_ENV: 'AWS_Lambda_nodejs24.x',
    AWS_LAMBDA_FUNCTION_NAME: name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(MemorySize),
    AWS_LAMBDA_LOG_GROUP_NAME: logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: `2026/01/01/[$LATEST]${randomUUID().replaceAll('-', '')}`,
  }
}
