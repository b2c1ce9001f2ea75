import { execFile, execFileSync } from 'node:child_process'
import { chmodSync, cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { freePorts } from '#infra/local/ports.ts'
import { ROOT } from '#infra/local/settings.ts'
import type { Ending } from './ending.ts'

const run = promisify(execFile)
const MAX_OUTPUT = 64 * 1024 * 1024

/** Runs the Docker client; gives what it prints. @throws {Error} with what it printed, when it fails */
export async function docker(...args: readonly string[]): Promise<string> {
  const { stdout } = await run('docker', args, { maxBuffer: MAX_OUTPUT })
  return stdout.trim()
}

/** Both outputs of a container so far. */
export async function logsOf(container: string): Promise<string> {
  const { stdout, stderr } = await run('docker', ['logs', container], { maxBuffer: MAX_OUTPUT })
  return stdout + stderr
}

/** What `docker inspect` says; only what the tests look at is typed. */
export interface Inspected {
  readonly Name: string
  readonly Config: { readonly User: string; readonly Env: readonly string[] }
  readonly State: {
    readonly Pid: number
    readonly Running: boolean
    readonly ExitCode: number
    readonly StartedAt: string
    readonly Health?: { readonly Status: string }
  }
  readonly RestartCount: number
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean
    readonly CapDrop: readonly string[] | null
    readonly CapAdd: readonly string[] | null
    readonly SecurityOpt: readonly string[] | null
    readonly Privileged: boolean
    readonly Memory: number
    readonly NanoCpus: number
    readonly PidsLimit: number | null
    readonly Init: boolean | null
    readonly RestartPolicy: { readonly Name: string }
    readonly LogConfig: { readonly Config: Readonly<Record<string, string>> }
  }
  readonly NetworkSettings: {
    readonly Ports: Readonly<Record<string, readonly { HostIp: string; HostPort: string }[] | null>>
    readonly Networks: Readonly<Record<string, { Gateway: string; IPAddress: string }>>
  }
}

export async function inspect(container: string): Promise<Inspected> {
  return JSON.parse(await docker('inspect', container))[0]
}

export interface StackOptions {
  /** What stands in the project's .env. */
  readonly dotenv?: Readonly<Record<string, string>>
  /** A further compose file, as text. */
  readonly override?: string
}

/** The stack of compose.yaml in a folder and under a project name of its own. */
export interface Stack {
  /** A copy of what the images are made of, with compose.yaml and .env. */
  readonly folder: string
  readonly project: string
  /** Of the edge, on 127.0.0.1. */
  readonly port: number
  readonly origin: string
  /** Of the broker on 127.0.0.1, where an override publishes it as `AMQP_PORT`. */
  readonly amqpPort: number
  /** `docker compose` with these arguments; settings in `env` win over .env. */
  compose(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>
  /** Id of a service's only container, running or not. */
  container(service: string): Promise<string>
  containers(service: string): Promise<readonly string[]>
}

/** What a stack's project folder consists of. */
const SOURCES = ['compose.yaml', '.dockerignore', 'package.json', 'package-lock.json'].concat(
  ...['functions', 'gateway', 'infra', 'lib', 'relay'],
)

/**
 * Prepares a stack, starts nothing; it is taken down with its volumes at the end. Its images have the
 * tag `test` and stay.
 */
export async function prepareStack(
  ending: Ending,
  { dotenv = {}, override }: StackOptions = {},
): Promise<Stack> {
  const folder = mkdtempSync(join(tmpdir(), 'warren-stack-'))
  chmodSync(folder, 0o755)
  copySources(folder)
  const [port, amqpPort] = (await freePorts(2)) as [number, number]
  writeEnv(folder, { EDGE_PORT: String(port), AMQP_PORT: String(amqpPort), ...dotenv })
  if (override !== undefined) writeFileSync(join(folder, 'compose.override.yaml'), override)
  const project = `warren-test-${process.pid}-${port}`
  const compose = (args: readonly string[], env = {}) =>
    composeIn(folder, ['--project-name', project, ...args], env)
  ending.after(async () => {
    await compose(['down', '--volumes', '--remove-orphans', '--timeout', '5'])
    rmSync(folder, { recursive: true, force: true })
  })
  const containers = async (service: string) =>
    (await compose(['ps', '--all', '--quiet', service])).split('\n').filter((id) => id !== '')
  return {
    ...{ folder, project, port, amqpPort, origin: `http://127.0.0.1:${port}`, compose, containers },
    container: async (service) => only(service, await containers(service)),
  }
}

function only(service: string, ids: readonly string[]): string {
  const [id] = ids
  if (id === undefined || ids.length > 1) throw new Error(`${service} has ${ids.length} containers`)
  return id
}

async function composeIn(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<string> {
  const options = {
    cwd: folder,
    maxBuffer: MAX_OUTPUT,
    env: { ...clientEnv(), WARREN_TAG: 'test', COMPOSE_PROGRESS: 'plain', ...env },
  }
  const { stdout } = await run('docker', ['compose', ...args], options)
  return stdout.trim()
}

/** What the Docker client needs; no setting of a stack comes from the shell. */
export const clientEnv = () =>
  Object.fromEntries(
    ['PATH', 'HOME', 'DOCKER_CONFIG', 'DOCKER_HOST'].map((name) => [name, process.env[name]]),
  )

function copySources(folder: string): void {
  const listing = ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...SOURCES]
  const files = execFileSync('git', listing, { cwd: ROOT }).toString().split('\0')
  for (const file of files.filter((name) => name !== '')) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    cpSync(join(ROOT, file), join(folder, file))
  }
}

function writeEnv(folder: string, settings: Readonly<Record<string, string>>): void {
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`)
  writeFileSync(join(folder, '.env'), lines.join(''), { mode: 0o644 })
}
