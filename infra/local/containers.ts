import { execFile, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type ChildOptions, startChild } from './child.ts'
import type { Part } from './parts.ts'

const run = promisify(execFile)

/** An engine that is stuck must not hold up the start. */
const ANSWERS_WITHIN_MS = 5000
const PULLS_WITHIN_MS = 120_000
/** For SIGKILL to a container and its removal; a second Ctrl-C waits for it. */
const REMOVES_WITHIN_MS = 10_000

/** A Docker engine that runs here. */
export interface Engine {
  /** Whether `--network host` is this machine's network, and not a virtual machine's. */
  readonly sharesNetwork: boolean
}

/** The engine that the Docker client talks to; undefined where none answers. */
export async function findEngine(signal: AbortSignal): Promise<Engine | undefined> {
  const options = { timeout: ANSWERS_WITHIN_MS, signal }
  const args = ['info', '--format', '{{.OperatingSystem}}']
  const answer = await run('docker', args, options).catch(() => undefined)
  if (answer === undefined) return undefined
  return { sharesNetwork: process.platform === 'linux' && !/Docker Desktop/.test(answer.stdout) }
}

/** Whether the image is there, or can be pulled now. */
export async function haveImage(
  image: string,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const works = (timeout: number, ...args: readonly string[]) =>
    run('docker', args, { timeout, signal }).then(
      () => true,
      () => false,
    )
  if (await works(ANSWERS_WITHIN_MS, 'image', 'inspect', image)) return true
  say(`Docker runs: pulling ${image} (WARREN_DOCKER=0 forbids this) …`)
  if (await works(PULLS_WITHIN_MS, 'pull', '--quiet', image)) return true
  say(`${image} could not be pulled.`)
  return false
}

export interface ContainerOptions
  extends Pick<ChildOptions, 'name' | 'isReady' | 'readyWithinMs' | 'logFile'> {
  /** WARREN_HOME, whose containers they are. */
  readonly home: string
  /** What it is, for its name: `broker`. */
  readonly role: string
  readonly image: string
  /** Options of `docker run`; that it has no rights goes without saying. */
  readonly options: readonly string[]
  /** In place of the image's own. */
  readonly command?: readonly string[]
}

/** The name of a container, and of a volume of its, that is this WARREN_HOME's alone. */
export const containerName = (home: string, role: string): string =>
  `warren-${role}-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`

/**
 * Runs a container in the foreground; it is removed when it ends. It is noted in `home`, so that
 * {@link removeNoted} finds it even if we are killed: the client's end is not the container's.
 * @throws {ChildFailed} when it ends before it is ready, or is not ready in time
 */
export async function startContainer(options: ContainerOptions): Promise<Part> {
  const { home, role, image, command = [], ...child } = options
  const name = containerName(home, role)
  const remove = () => removeIn(home, name)
  await remove()
  mkdirSync(join(home, NOTES), { recursive: true })
  writeFileSync(join(home, NOTES, name), '')
  const args = ['run', '--rm', '--init', '--name', name, ...NO_RIGHTS, ...options.options]
  const started = await startChild({
    ...child,
    command: 'docker',
    args: [...args, image, ...command],
    env: process.env,
  }).catch(async (error) => {
    await remove()
    throw error
  })
  return {
    name: started.name,
    logFile: started.logFile,
    ended: started.ended,
    lastLines: () => started.lastLines(),
    stop: async () => {
      await started.stop() // The client passes SIGTERM on.
      await remove()
    },
  }
}

const NO_RIGHTS = ['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true']

/** A folder in WARREN_HOME: an empty file for each container that we have started. */
const NOTES = 'containers'

async function removeIn(home: string, name: string): Promise<void> {
  await run('docker', ['rm', '--force', '--volumes', name]).catch(() => {}) // It is gone already.
  rmSync(join(home, NOTES, name), { force: true })
}

/** Ends and removes what an earlier start that was killed has left. */
export async function removeNoted(home: string): Promise<void> {
  await Promise.all(noted(home).map((name) => removeIn(home, name)))
}

/** The same at once, for a process that is about to end. */
export function killContainers(home: string): void {
  const names = noted(home)
  if (names.length === 0) return
  spawnSync('docker', ['rm', '--force', '--volumes', ...names], { timeout: REMOVES_WITHIN_MS })
}

function noted(home: string): string[] {
  try {
    return readdirSync(join(home, NOTES))
  } catch {
    return [] // We never started one.
  }
}
