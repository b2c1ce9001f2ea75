import { ConfigError, readAll, readBroker } from '#lib/config.ts'
import { readRelay } from '#lib/config-relay.ts'
import { createLog, describeError } from '#lib/log.ts'
import { toStderr } from '#lib/log-lines.ts'
import { type Command, parseCommand } from './commands/args.ts'
import { helpFor } from './commands/help.ts'
import type { Report } from './commands/report.ts'
import { type RunOptions, run } from './run.ts'

/** A second signal does not wait for anything. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController()
  const stop = () => {
    if (stopping.signal.aborted) process.exit(1)
    stopping.abort()
  }
  process.on('SIGTERM', stop)
  process.on('SIGINT', stop)
  return stopping.signal
}

async function main(args: readonly string[]): Promise<number> {
  const help = helpFor(args)
  if (help !== undefined) return await answer(help, 0)
  const signal = stopSignal()
  try {
    const { env } = process
    const { command, broker, settings } = readAll({
      command: () => parseCommand(args),
      broker: () => readBroker(env),
      settings: () => readRelay(env),
    })
    const log = createLog({
      level: settings.logLevel,
      // What a command has found is alone on standard output.
      ...(command.name === 'run' ? {} : { write: toStderr }),
    })
    return await execute(command, { settings, broker, log, signal })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    toStderr('The relay does not start:')
    for (const problem of error.problems) toStderr(`  ${problem}`)
    toStderr('node relay/main.ts --help says more.')
    return 2
  }
}

/** What somebody asked for: an answer that cannot be written is a failure. Gives the exit code. */
async function answer(text: string, exitCode: number): Promise<number> {
  const error = await new Promise((resolve) =>
    process.stdout.once('error', resolve).write(text, resolve),
  )
  if (!error) return exitCode
  toStderr(`the answer cannot be written: ${describeError(error)}`)
  return 1
}

async function execute(command: Command, options: RunOptions): Promise<number> {
  if (command.name === 'run') {
    await run(options)
    return 0
  }
  try {
    const { exitCode, lines, json } = await reportOf(command, options)
    return await answer(`${command.json ? JSON.stringify(json) : lines.join('\n')}\n`, exitCode)
  } catch (error) {
    if (error instanceof ConfigError) throw error
    toStderr(`${command.name}: ${describeError(error)}`)
    return 1
  }
}

/** A command is loaded when it is called: a relay that runs for months needs none of them in its memory. */
async function reportOf(
  command: Exclude<Command, { name: 'run' }>,
  options: RunOptions,
): Promise<Report> {
  switch (command.name) {
    case 'check':
      return (await import('./commands/check.ts')).check(options, command)
    case 'replay':
      return (await import('./commands/replay.ts')).replay(options, command)
    case 'detach':
      return (await import('./commands/detach.ts')).detach(options, command)
  }
}

process.exitCode = await main(process.argv.slice(2))
