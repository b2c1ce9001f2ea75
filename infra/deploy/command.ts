import { ConfigError } from '#lib/config.ts'
import { describeError } from '#lib/log.ts'

/**
 * Runs a command: its exit status is 0 when it has done its work, 2 for what the caller can put right,
 * else 1; an error is told in plain words.
 */
export async function runCommand(
  usage: string,
  command: (args: readonly string[]) => Promise<void>,
) {
  const args = process.argv.slice(2)
  if (args.includes('--help') || args.length === 0) return say(usage)
  try {
    await command(args)
  } catch (error) {
    process.stderr.write(`${describeError(error)}\n`)
    process.exitCode = error instanceof ConfigError || error instanceof TypeError ? 2 : 1
  }
}

/** A line for the person at the terminal. */
export const say = (line: string): void => void process.stdout.write(`${line}\n`)
