import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Child } from '#infra/local/child.ts'
import type { Ending } from '../support/ending.ts'
import { until } from '../support/until.ts'
import { NothingHappened } from './fault.ts'

/** A process that somebody keeps running, as an orchestrator does: what ends is started again. */
export interface Member {
  readonly name: string
  /** SIGKILL; resolves when it runs again. @returns what shows that it was killed */
  kill(): Promise<string>
  /** SIGSTOP for so long. @returns what shows that it stood still */
  freeze(seconds: number): Promise<string>
  /** SIGTERM, and a new one; resolves when that is ready. @returns how it ended */
  replace(): Promise<string>
  /** How often it ended without having been told to. */
  readonly crashes: number
}

/** An orchestrator waits before it starts again what does not run. */
const RESTART_MS = 500

/**
 * Starts it; it ends with the run.
 * @param start starts it at the same address as before, and resolves when it is ready
 */
export async function startMember(
  ends: Ending,
  name: string,
  start: () => Promise<Child>,
): Promise<Member> {
  let child = await start()
  let expected = false
  let crashes = 0
  let running = Promise.resolve()
  // Comes before the ends of the process itself, whose own end must not have it started again.
  const endForGood = async () => {
    expected = true
    await running
    await child.stop()
  }
  const startAgain = async () => {
    for (;;) {
      try {
        child = await start()
        ends.after(endForGood)
        return watch()
      } catch (error) {
        if (expected) return
        crashes += 1
        process.stderr.write(`${name} did not start: ${(error as Error).message.split('\n')[0]}\n`)
        await sleep(RESTART_MS)
      }
    }
  }
  const watch = () => {
    void child.ended.then(() => {
      if (expected) return
      crashes += 1
      running = sleep(RESTART_MS).then(startAgain)
    })
  }
  /** Ends it, and has it started again. */
  const end = async (how: (child: Child) => Promise<string>) => {
    await running
    expected = true
    const shown = await how(child)
    expected = false
    running = startAgain()
    await running
    return shown
  }
  watch()
  ends.after(endForGood)
  return {
    name,
    get crashes() {
      return crashes
    },
    kill: () => end((old) => kill(name, old)),
    freeze: (seconds) => running.then(() => freeze(name, child.pid, seconds)),
    replace: () => end((old) => replace(name, old)),
  }
}

async function kill(name: string, { pid, ended }: Child): Promise<string> {
  signalGroup(pid, 'SIGKILL')
  const { signal } = await ended
  if (signal !== 'SIGKILL') throw new NothingHappened(`${name} had ended by itself`)
  return `${name} (pid ${pid}) killed`
}

async function replace(name: string, old: Child): Promise<string> {
  const { code, signal } = await old.stop(15_000)
  return `${name} ended with ${signal ?? code}`
}

/** nginx and the like work in more than one process. */
const signalGroup = (pid: number, signal: NodeJS.Signals) => process.kill(-pid, signal)

async function freeze(name: string, pid: number, seconds: number): Promise<string> {
  signalGroup(pid, 'SIGSTOP')
  try {
    await until(`${name} stands still`, () => stateOf(pid) === 'T', 1000).catch(() => {
      throw new NothingHappened(`${name} went on after SIGSTOP`)
    })
    await sleep(seconds * 1000)
  } finally {
    signalGroup(pid, 'SIGCONT')
  }
  return `${name} (pid ${pid}) stood still`
}

/** proc(5): the state comes after the name in parentheses; T is stopped. */
function stateOf(pid: number): string | undefined {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return stat.slice(stat.lastIndexOf(')') + 2)[0]
}
