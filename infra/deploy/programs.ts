import { spawn } from 'node:child_process'
import { once } from 'node:events'

export interface RunOptions {
  readonly cwd: string
  /** Goes to its standard input. */
  readonly input?: string
}

/**
 * Runs a program in the foreground.
 * @throws {Error} it ends otherwise than with 0, or cannot be started; its own words are on the screen
 */
export async function runProgram(
  command: string,
  args: readonly string[],
  { cwd, input }: RunOptions,
): Promise<void> {
  const child = spawn(command, args, { cwd, stdio: ['pipe', 'inherit', 'inherit'] })
  const ended = once(child, 'close').catch((error: Error) => {
    throw new Error(`${command} cannot be started: ${error.message}`)
  })
  child.stdin.on('error', () => {}) // It ended before it read all: its exit code says why.
  child.stdin.end(input ?? '')
  const [code] = await ended
  if (code !== 0) throw new Error(`${command} ${args[0]} failed (${code}): the reason stands above`)
}
