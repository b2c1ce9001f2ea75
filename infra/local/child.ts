import { type ChildProcess, spawn } from 'node:child_process'
import { createWriteStream, mkdirSync } from 'node:fs'
import { basename, dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { killGroup, noteProcess } from './processes.ts'

export interface ChildOptions {
  /** For messages, e.g. `relay topic1`. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  /** The whole environment; nothing is inherited. */
  readonly env: NodeJS.ProcessEnv
  readonly cwd?: string
  /** All it prints is appended here; its process is noted in the same folder (processes.ts). */
  readonly logFile: string
  /** Whether this line of its output says that it is ready. */
  readonly isReady: (line: string) => boolean
  /** @default 60000 */
  readonly readyWithinMs?: number
}

export interface ChildEnd {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

/** A process that we started and must end. */
export interface Child {
  readonly name: string
  readonly pid: number
  readonly logFile: string
  /** Settles when it has ended, whoever ended it. */
  readonly ended: Promise<ChildEnd>
  /** Its last lines, for a message to a person. */
  lastLines(): readonly string[]
  signal(signal: NodeJS.Signals): void
  /** SIGTERM; SIGKILL after `graceMs` (default 10 s). */
  stop(graceMs?: number): Promise<ChildEnd>
}

/** Says that a part did not start, with its last lines. */
export class ChildFailed extends Error {
  override readonly name = 'ChildFailed'
}

const LINES_KEPT = 25

/** The line with `"event":"ready"` that every process of ours logs. */
export const saysReady = (line: string): boolean => line.includes('"event":"ready"')

/**
 * Starts a process in a process group of its own (a Ctrl-C in the terminal is ours to pass on) and
 * resolves once it says that it is ready.
 * @throws {ChildFailed} when it ends before, or is not ready in time (then it is ended)
 */
export async function startChild(options: ChildOptions): Promise<Child> {
  const { child, started } = launch(options)
  const failed = child.ended.then((end) => {
    throw new ChildFailed(endedEarly(options, end, child.lastLines()))
  })
  failed.catch(() => {})
  const late = sleep(options.readyWithinMs ?? 60_000, 'late', { ref: false })
  if ((await Promise.race([started, failed, late])) === 'late') {
    await child.stop(0)
    throw new ChildFailed(`${options.name} was not ready in time.\n${child.lastLines().join('\n')}`)
  }
  return child
}

function endedEarly(
  { name, logFile }: ChildOptions,
  { code, signal }: ChildEnd,
  lines: readonly string[],
): string {
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`
  const shown = lines.map((line) => `  ${line}`)
  return [`${name} ended at its start (${how}). Its last lines (${logFile}):`, ...shown].join('\n')
}

function launch(options: ChildOptions): { child: Child; started: Promise<'ready'> } {
  const { name, command, args, env, cwd, logFile, isReady } = options
  mkdirSync(dirname(logFile), { recursive: true })
  const spawned = spawn(command, args, {
    env,
    ...(cwd === undefined ? {} : { cwd }),
    detached: true,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log = createWriteStream(logFile, { flags: 'a' })
  log.on('error', () => {}) // A full disk must not end the stack.
  const lines: string[] = []
  const started = new Promise<'ready'>((resolve) => {
    for (const stream of [spawned.stdout, spawned.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        log.write(`${line}\n`)
        lines.push(line)
        if (lines.length > LINES_KEPT) lines.shift()
        if (isReady(line)) resolve('ready')
      })
    }
  })
  noteUntilItsEnd(spawned, logFile)
  const ended = new Promise<ChildEnd>((resolve) => {
    spawned.once('close', (code, signal) => resolve({ code, signal }))
    spawned.once('error', (error) => {
      lines.push(error.message)
      if (spawned.pid === undefined) resolve({ code: null, signal: null })
    })
  }).finally(() => log.end())
  const stop = async (graceMs = 10_000) => {
    spawned.kill('SIGTERM')
    const late = sleep(graceMs, 'late', { ref: false })
    if ((await Promise.race([ended, late])) === 'late') spawned.kill('SIGKILL')
    return ended
  }
  const child: Child = {
    name,
    pid: spawned.pid ?? -1,
    logFile,
    ended,
    lastLines: () => [...lines],
    signal: (signal) => void spawned.kill(signal),
    stop,
  }
  return { child, started }
}

/** What is left of its group ends with it: nginx's workers, say, outlive a master that was killed. */
function noteUntilItsEnd(spawned: ChildProcess, logFile: string): void {
  const { pid } = spawned
  if (pid === undefined) return
  const takeBack = noteProcess(dirname(logFile), basename(logFile, '.log'), pid)
  spawned.once('exit', () => {
    killGroup(pid)
    takeBack()
  })
}
