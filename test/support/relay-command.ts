import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Env } from '#lib/config.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const WITHIN_MS = 60_000

/** How a command of the relay ended. */
export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** A command of the relay that is under way. */
export interface Running {
  readonly pid: number
  readonly ended: Promise<Ended>
}

/** Starts `node relay/main.ts …`; one that does not end within a minute is killed. */
export function startCommand(env: Env, ...args: readonly string[]): Running {
  const { promise, resolve, reject } = Promise.withResolvers<Ended>()
  const child = execFile(
    process.execPath,
    ['relay/main.ts', ...args],
    { cwd: ROOT, env: { ...env }, timeout: WITHIN_MS, killSignal: 'SIGKILL' },
    (error, stdout, stderr) => {
      const code = error === null ? 0 : error.code
      if (typeof code === 'number') resolve({ code, stdout, stderr })
      else reject(new Error(`relay ${args.join(' ')} did not end by itself: ${stderr}`))
    },
  )
  return { pid: child.pid as number, ended: promise }
}

/** Runs `node relay/main.ts …` to its end. */
export const relayCommand = (env: Env, ...args: readonly string[]): Promise<Ended> =>
  startCommand(env, ...args).ended

/** The same with `--json`: the exit code and the one object. */
export async function relayJson(
  env: Env,
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly json: Record<string, unknown> }> {
  const { code, stdout, stderr } = await relayCommand(env, ...args, '--json')
  try {
    return { code, json: JSON.parse(stdout) }
  } catch {
    throw new Error(`exit code ${code}, no JSON: ${stdout}${stderr}`)
  }
}
