import { accessSync, constants, mkdirSync } from 'node:fs'
import { checkLogin } from '#lib/amqp/inspect.ts'
import { ConfigError, type Env, readSecretFile } from '#lib/config.ts'
import { WarrenError } from '#lib/errors.ts'
import { describeError } from '#lib/log.ts'
import { whyNotFree } from './ports.ts'
import {
  type LocalSettings,
  readEdgePort,
  readGivenBroker,
  readHome,
  readLocal,
} from './settings.ts'

/**
 * Reads the settings and tries what they name (folder, edge port, login) before anything starts.
 * @throws {ConfigError} with all that is wrong, so that one round of corrections is enough
 */
export async function preflight(env: Env): Promise<LocalSettings> {
  const checks = [checkHome, checkEdgePort, checkBroker, checkTokens].map(async (check) =>
    check(env),
  )
  const results = await Promise.allSettled([...checks, (async () => readLocal(env))()])
  const problems = results.flatMap((result) => {
    if (result.status === 'fulfilled') return []
    if (result.reason instanceof ConfigError) return result.reason.problems
    throw result.reason
  })
  if (problems.length > 0) throw new ConfigError([...new Set(problems)])
  return readLocal(env)
}

/** Whether this folder is there, made if need be, and we may write to it. */
export function isUsable(home: string): boolean {
  return whyUnusable(home) === undefined
}

function whyUnusable(home: string): string | undefined {
  try {
    mkdirSync(home, { recursive: true, mode: 0o700 })
    accessSync(home, constants.W_OK | constants.X_OK)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}

function checkHome(env: Env): void {
  const home = readHome(env)
  const why = whyUnusable(home)
  if (why) throw new ConfigError([`WARREN_HOME: the folder ${home} cannot be used (${why})`])
}

async function checkEdgePort(env: Env): Promise<void> {
  const port = readEdgePort(env)
  const why = await whyNotFree(port)
  if (why === 'EADDRINUSE') {
    throw new ConfigError([
      `EDGE_PORT: port ${port} of 127.0.0.1 is taken by another program; stop that one, or set EDGE_PORT to a free port`,
    ])
  }
  if (why !== undefined) {
    throw new ConfigError([`EDGE_PORT: cannot listen on port ${port} of 127.0.0.1 (${why})`])
  }
}

async function checkBroker(env: Env): Promise<void> {
  const broker = readGivenBroker(env)
  if (broker === undefined) return
  const { host } = new URL(broker.url)
  try {
    await checkLogin(broker)
  } catch (error) {
    if (!(error instanceof WarrenError)) throw error
    throw new ConfigError([
      error.code === 'broker-misconfigured'
        ? `AMQP_URL: the broker at ${host} refuses this user, password or vhost (${describeError(error.cause)})`
        : `AMQP_URL: no broker can be reached at ${host} (${describeError(error.cause)})`,
    ])
  }
}

function checkTokens(env: Env): void {
  const file = env['API_TOKENS_FILE']
  if (file) readSecretFile('API_TOKENS_FILE', file)
}
