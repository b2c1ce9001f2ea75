import { execFileSync } from 'node:child_process'
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** A process as it can be found again. Pids are used again, so the time of its start belongs to it. */
export interface ProcessId {
  readonly pid: number
  /** Comparable only on the machine that gave it. */
  readonly startedAt: string
}

/** The process with this pid; undefined when there is none, or only its exit status is left. */
export function identify(pid: number): ProcessId | undefined {
  const startedAt = process.platform === 'linux' ? fromProc(pid) : fromPs(pid)
  return startedAt === undefined ? undefined : { pid, startedAt }
}

export const isAlive = ({ pid, startedAt }: ProcessId): boolean =>
  identify(pid)?.startedAt === startedAt

/** proc(5): the second field is the name in parentheses; state is field 3, start time field 22. */
function fromProc(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

function fromPs(pid: number): string | undefined {
  try {
    const [state, ...start] = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)])
      .toString()
      .trim()
      .split(/\s+/)
    return state === undefined || state.startsWith('Z') ? undefined : start.join(' ')
  } catch {
    return undefined // ps exits 1 when there is no such process.
  }
}

const NOTE = '.process'

/**
 * Notes a process that we started, so that whoever comes after us can end it if we are killed.
 * @returns a function that takes the note back; call it when the process has ended
 */
export function noteProcess(folder: string, name: string, pid: number): () => void {
  const file = join(folder, `${name}${NOTE}`)
  writeFileSync(file, JSON.stringify(identify(pid) ?? { pid, startedAt: '' }))
  return () => rmSync(file, { force: true })
}

/**
 * Ends every process that is noted somewhere in this folder and still there: SIGTERM, after `graceMs`
 * SIGKILL to its whole group. Takes the notes away.
 * @returns the names of the processes that were still there
 */
export async function endNoted(folder: string, graceMs = 10_000): Promise<string[]> {
  const notes = globSync(`**/*${NOTE}`, { cwd: folder })
  const ended = await Promise.all(notes.map((note) => endNotedIn(join(folder, note), graceMs)))
  return ended.filter((name) => name !== undefined)
}

/** SIGKILL to every process that is noted somewhere in this folder, and to its group. */
export function killNoted(folder: string): void {
  for (const note of globSync(`**/*${NOTE}`, { cwd: folder })) {
    const id = readNote(join(folder, note))
    if (id !== undefined && isAlive(id)) killGroup(id.pid)
  }
}

async function endNotedIn(file: string, graceMs: number): Promise<string | undefined> {
  const id = readNote(file)
  const wasAlive = id !== undefined && isAlive(id)
  if (wasAlive) await end(id, graceMs)
  rmSync(file, { force: true })
  return wasAlive ? basename(file, NOTE) : undefined
}

function readNote(file: string): ProcessId | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as ProcessId
  } catch {
    return undefined // Taken back meanwhile, or cut off while it was written.
  }
}

async function end(id: ProcessId, graceMs: number): Promise<void> {
  sendSignal(id.pid, 'SIGTERM')
  const until = performance.now() + graceMs
  while (isAlive(id) && performance.now() < until) await sleep(50)
  killGroup(id.pid)
}

/** SIGKILL to whatever is left of the process group that this process leads or led. */
export const killGroup = (pid: number): void => sendSignal(-pid, 'SIGKILL')

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal)
  } catch {
    // There is nothing left of it.
  }
}
