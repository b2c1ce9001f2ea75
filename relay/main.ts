import { ConfigError, readAll, readBroker } from '#lib/config.ts'
import { readRelay } from '#lib/config-relay.ts'
import { createLog } from '#lib/log.ts'
import { run } from './run.ts'

const USAGE = `Usage: node relay/main.ts [run]

  run   copy messages from EXCHANGE to QUEUE_TOPIC until SIGTERM or SIGINT (the default)

Everything else is set by environment variables: see the table in the README.
`

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

async function main([command = 'run', ...rest]: readonly string[]): Promise<number> {
  if (command !== 'run' || rest.length > 0) {
    process.stderr.write(USAGE)
    return 2
  }
  const signal = stopSignal()
  try {
    const { env } = process
    const { broker, settings } = readAll({
      broker: () => readBroker(env),
      settings: () => readRelay(env),
    })
    await run({ settings, broker, log: createLog({ level: settings.logLevel }), signal })
    return 0
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    process.stderr.write(`The relay does not start:\n`)
    for (const problem of error.problems) process.stderr.write(`  ${problem}\n`)
    return 2
  }
}

process.exitCode = await main(process.argv.slice(2))
