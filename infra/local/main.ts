import { ConfigError } from '#lib/config.ts'
import { redact } from '#lib/log.ts'
import { ChildFailed } from './child.ts'
import { AlreadyRunning } from './lock.ts'
import { PartCrashed } from './parts.ts'
import { Interrupted, listenForSignals } from './signals.ts'
import { start } from './start.ts'

const say = (line: string) => console.log(line)

const USAGE =
  'npm start            starts all and runs until Ctrl-C\nnpm start -- --once  publishes one message, shows what arrived, and stops'

// A terminal that was closed must not keep us from stopping what runs.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})

process.exitCode = await main(process.argv.slice(2))

async function main(args: readonly string[]): Promise<number> {
  if (args.some((arg) => arg !== '--once')) {
    console.error(USAGE)
    return 2
  }
  const once = args.length > 0
  try {
    return (await start({ once, env: process.env, say, wishes: listenForSignals() })) ? 0 : 1
  } catch (error) {
    if (error instanceof Interrupted) return once ? 130 : 0
    console.error(describe(error))
    return error instanceof ConfigError ? 2 : 1
  }
}

/** For a person. Only a fault of ours shows where it happened. */
function describe(error: unknown): string {
  if (error instanceof ConfigError) {
    return ['Warren did not start:', ...error.problems.map((problem) => `  - ${problem}`)].join(
      '\n',
    )
  }
  const expected = [AlreadyRunning, ChildFailed, PartCrashed].some((type) => error instanceof type)
  if (expected) return redact((error as Error).message)
  const { code, message, stack } = error as NodeJS.ErrnoException
  return redact(code === undefined ? `A fault in Warren's local start:\n${stack}` : message)
}
