import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { endNoted } from '#infra/local/processes.ts'
import { ROOT } from '#infra/local/settings.ts'
import type { Ending } from './ending.ts'

/** A folder of the test's own; whatever was started in it is ended with the test. */
export function ownHome(t: Ending): string {
  const home = mkdtempSync(join(tmpdir(), 'warren-home-'))
  t.after(async () => {
    await endNoted(home)
    rmSync(home, { recursive: true, force: true, maxRetries: 3 })
  })
  return home
}

/** `npm start` as in a terminal: npm and all below it are one foreground group. */
export interface NpmStart {
  readonly pid: number
  /** All it has printed so far, standard output and error together. */
  printed(): string
  /** Resolves once it has printed this. Fails when it ends before, or after 90 s. */
  until(text: string): Promise<void>
  /** As Ctrl-C does it: to the whole group. */
  ctrlC(): void
  /** Its exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>
}

const UNTIL_MS = 90_000

export interface NpmStartOptions {
  readonly args?: readonly string[]
  /** A checkout. @default this one */
  readonly cwd?: string
  /** A command that runs the command which follows it. */
  readonly under?: readonly string[]
}

/** Starts `npm start` with these settings and no other of Warren's. */
export function npmStart(
  t: TestContext,
  env: NodeJS.ProcessEnv,
  { args = [], cwd = ROOT, under = [] }: NpmStartOptions = {},
): NpmStart {
  const npm = ['npm', 'start', '--silent', ...(args.length > 0 ? ['--', ...args] : [])]
  const [command, ...all] = [...under, ...npm] as [string, ...string[]]
  const child = spawn(command, all, {
    cwd,
    // Whether an engine happens to run here must change nothing.
    env: { ...cleanEnv(), WARREN_DOCKER: '0', ...env },
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.after(() => child.kill('SIGKILL'))
  let printed = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      printed += chunk
    })
  }
  return {
    pid: child.pid as number,
    printed: () => printed,
    until: (text) => untilPrinted(child, text, () => printed),
    ctrlC: () => void process.kill(-(child.pid as number), 'SIGINT'),
    ended: once(child, 'close').then(([code]) => code as number | null),
  }
}

async function untilPrinted(child: ChildProcess, text: string, printed: () => string) {
  const untilMs = performance.now() + UNTIL_MS
  while (!printed().includes(text)) {
    const ended = child.exitCode !== null || child.signalCode !== null
    if (ended || performance.now() > untilMs) {
      throw new Error(`npm start did not print "${text}":\n${printed()}`)
    }
    await sleep(50)
  }
}

/** What a shell has, without Warren's settings and without what node's test runner tells its files. */
export const cleanEnv = (): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) => !/^(AMQP_|RABBIT_|API_|EDGE_|WARREN_|AWS_|LOG_LEVEL|NODE_TEST_)/.test(name),
    ),
  )
