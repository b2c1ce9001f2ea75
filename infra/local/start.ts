import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Env } from '#lib/config.ts'
import { killContainers, removeNoted } from './containers.ts'
import { chooseInDocker } from './in-docker.ts'
import { findOrInstall } from './install/programs.ts'
import { takeLock } from './lock.ts'
import { publishOnce } from './once.ts'
import { createParts, PartCrashed, type Parts } from './parts.ts'
import { isUsable, preflight } from './preflight.ts'
import { endNoted, killNoted } from './processes.ts'
import { screen } from './screen.ts'
import { readHome } from './settings.ts'
import { unlessAborted, type Wishes } from './signals.ts'
import { type StackOptions, startStack } from './stack.ts'

export interface StartOptions {
  /** Publish one message, see it arrive, and stop; instead of running until a signal comes. */
  readonly once: boolean
  readonly env: Env
  readonly say: (line: string) => void
  readonly wishes: Wishes
}

/**
 * Runs the local stack until it is wished to stop, and stops all that it started, however it ends.
 * @returns whether it did what it was asked for
 * @throws {AlreadyRunning | ConfigError | ChildFailed | PartCrashed | Interrupted}
 */
export async function start(options: StartOptions): Promise<boolean> {
  const home = readHome(options.env)
  if (!isUsable(home)) await preflight(options.env) // Says so, with all else that is wrong.
  const port = options.env['EDGE_PORT'] || '8080'
  const release = takeLock(join(home, 'lock'), `http://127.0.0.1:${port}`)
  const kill = () => {
    killNoted(home)
    killContainers(home)
  }
  options.wishes.hurry.addEventListener('abort', kill)
  process.on('exit', kill) // However this process ends, nothing of ours goes on.
  try {
    return await runLocked(home, options)
  } finally {
    process.off('exit', kill)
    release()
  }
}

async function runLocked(home: string, options: StartOptions): Promise<boolean> {
  const { env, say } = options
  const signal = options.wishes.stop
  const left = (await endNoted(home)).join(', ')
  await removeNoted(home)
  if (left !== '') say(`Ended what an earlier start that was killed had left: ${left}.`)
  const settings = await unlessAborted(signal, preflight(env))
  const logs = renewLogs(home)
  const inDocker = await unlessAborted(signal, chooseInDocker(settings, say, signal))
  const programs = await findOrInstall({
    needRabbitmq: settings.broker === undefined && !inDocker.broker,
    needNginx: !inDocker.edge,
    mayInstall: settings.mayInstall,
    env,
    logFile: join(logs, 'install.log'),
    say,
    signal,
  })
  return runStack({ settings, programs, inDocker, parts: createParts(), say, env }, options)
}

async function runStack(stack: StackOptions, { once, say, wishes }: StartOptions) {
  const { parts, settings } = stack
  const starting = startStack(stack)
  const crashed = parts.crashed.then((part) => {
    throw new PartCrashed(part)
  })
  crashed.catch(() => {}) // While we stop, ends are no crashes.
  const unlessStopped = <T>(promise: Promise<T>) =>
    unlessAborted(wishes.stop, Promise.race([promise, crashed]))
  try {
    const running = await unlessStopped(starting)
    if (once) return await unlessStopped(publishOnce(running, settings, say))
    say(`All parts are ready after ${Math.round(process.uptime())} s.`)
    say(screen(running, settings))
    return await unlessStopped(new Promise<never>(() => {}))
  } finally {
    say('Stopping …')
    await stopAll(starting, parts, settings.home)
    say('Stopped.')
  }
}

// What is still on its way up has nothing to finish. (serverless ignores SIGTERM until it is up.)
const STARTING_GRACE_MS = 2000

/** Also what is still on its way up. */
async function stopAll(starting: Promise<unknown>, parts: Parts, home: string): Promise<void> {
  const settled = Promise.allSettled([starting])
  while ((await Promise.race([settled, sleep(50, 'not yet')])) === 'not yet') {
    await endNoted(home, STARTING_GRACE_MS)
  }
  await parts.stop()
  await endNoted(home)
}

/** An empty folder for this run's logs; those of the run before are kept beside it. */
function renewLogs(home: string): string {
  const logs = join(home, 'logs')
  const before = join(home, 'logs.before')
  rmSync(before, { recursive: true, force: true })
  if (existsSync(logs)) renameSync(logs, before)
  mkdirSync(logs)
  return logs
}
