import { ConfigError, readAll, readBroker } from '#lib/config.ts'
import { readRelay } from '#lib/config-relay.ts'
import { createLog, describeError } from '#lib/log.ts'
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
  if (help !== undefined) {
    process.stdout.write(help)
    return 0
  }
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
    process.stderr.write('The relay does not start:\n')
    for (const problem of error.problems) process.stderr.write(`  ${problem}\n`)
    process.stderr.write('node relay/main.ts --help says more.\n')
    return 2
  }
}

async function execute(command: Command, options: RunOptions): Promise<number> {
  if (command.name === 'run') {
    await run(options)
    return 0
  }
  try {
    const { exitCode, lines, json } = await reportOf(command, options)
    process.stdout.write(`${command.json ? JSON.stringify(json) : lines.join('\n')}\n`)
    return exitCode
  } catch (error) {
    if (error instanceof ConfigError) throw error
    process.stderr.write(`${command.name}: ${describeError(error)}\n`)
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

const toStderr = (line: string) => void process.stderr.write(`${line}\n`)

process.exitCode = await main(process.argv.slice(2))
