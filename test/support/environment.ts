import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { APIGatewayProxyEvent, APIGatewayProxyResult } from 'aws-lambda'
import type { Env } from '#lib/config.ts'
import { within } from '#lib/within.ts'

/** An execution environment of Lambda: a process that runs only while it is called. */
export interface Environment {
  /**
   * Thaws it, calls the function, and freezes it with the answer, as Lambda does. One call at a time.
   * @throws {Error} no answer within the function's 10 s (and as much again for a slow machine)
   */
  invoke(event: APIGatewayProxyEvent): Promise<APIGatewayProxyResult>
  readonly isBusy: boolean
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
  let isBusy = false
  return {
    get isBusy() {
      return isBusy
    },
    invoke: async (event) => {
      isBusy = true
      child.kill('SIGCONT')
      try {
        return await call(child, event)
      } finally {
        child.kill('SIGSTOP')
        isBusy = false
      }
    },
    memoryMib: () => pssMib(child.pid as number),
    kill: async () => {
      const ended = once(child, 'exit')
      if (child.exitCode === null && child.signalCode === null && child.kill('SIGKILL')) await ended
    },
  }
}

async function call(
  child: ChildProcess,
  event: APIGatewayProxyEvent,
): Promise<APIGatewayProxyResult> {
  const answered = once(child, 'message')
  child.send({ event, lambdaMs: LAMBDA_MS })
  const late = () => new Error('the function did not answer in time')
  const [result] = await within(answered, 2 * LAMBDA_MS, late)
  return result as APIGatewayProxyResult
}

function pssMib(pid: number): number {
  const [, kib] = /^Pss:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')) ?? []
  return Number(kib) / 1024
}
