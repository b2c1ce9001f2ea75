import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import type { Env } from '#lib/config.ts'

/** An execution environment of Lambda: a process that runs only while it is called. */
export interface Environment {
  /**
   * Thaws it, calls the function, and freezes it with the answer, as Lambda does. One call at a time.
   * @returns undefined: no answer within the function's 10 s (and as much again for a slow machine);
   * that was its end, as on Lambda
   */
  invoke(event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult | undefined>
  /** Not in a call, and not at its end. */
  readonly isIdle: boolean
  /** Memory of its own and its share of what is shared, in MiB. */
  memoryMib(): number
  /** As Lambda ends one that it does not need any more: without a word. */
  kill(): Promise<void>
}

const LAMBDA_MS = 10_000
const PROGRAM = join(import.meta.dirname, 'environment.cjs')
/** As in a Lambda of little memory: so that hundreds of them fit onto one machine. */
const SMALL = ['--max-old-space-size=64', '--max-semi-space-size=1']

/** Starts one, frozen once it has loaded. @param handler file of the bundled function */
export async function startEnvironment(handler: string, env: Env): Promise<Environment> {
  const child = fork(PROGRAM, [handler], {
    env: { ...env },
    execArgv: SMALL,
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const [ready] = await Promise.race([once(child, 'message'), once(child, 'exit')])
  if (ready !== 'ready') throw new Error('an execution environment did not start')
  child.kill('SIGSTOP')
  let isIdle = true
  const kill = async () => {
    isIdle = false
    const ended = once(child, 'exit')
    if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await ended
  }
  return {
    get isIdle() {
      return isIdle
    },
    invoke: async (event) => {
      isIdle = false
      child.kill('SIGCONT')
      const result = await call(child, event)
      if (result === undefined) {
        await kill()
      } else {
        child.kill('SIGSTOP')
        isIdle = true
      }
      return result
    },
    memoryMib: () => pssMib(child.pid as number),
    kill,
  }
}

async function call(
  child: ChildProcess,
  event: APIGatewayProxyEvent,
): Promise<APIGatewayProxyResult | undefined> {
  const stopping = new AbortController()
  const answered = once(child, 'message', { signal: stopping.signal })
  child.send({ event, lambdaMs: LAMBDA_MS })
  const timer = setTimeout(() => stopping.abort(), 2 * LAMBDA_MS)
  try {
    const [result] = await answered
    return result as APIGatewayProxyResult
  } catch (error) {
    if (stopping.signal.aborted) return undefined
    throw error
  } finally {
    clearTimeout(timer)
  }
}

function pssMib(pid: number): number {
  const [, kib] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? []
  return Number(kib) / 1024
}
