import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Env } from '#lib/config.ts'
import { type Child, saysReady, startChild } from './child.ts'

export interface ApiOptions {
  /** Where it listens, on 127.0.0.1. */
  readonly port: number
  /** Where serverless-offline offers Lambda's own API, on 127.0.0.1. */
  readonly lambdaPort: number
  /** The functions' settings, e.g. `AMQP_URL` and `API_TOKEN`; the machine's own are not passed on. */
  readonly env: Env
  readonly logFile: string
  /** Folder of the serverless.yml. @default this checkout */
  readonly serviceDir?: string
}

const CHECKOUT = join(import.meta.dirname, '..', '..')

/**
 * Starts the API of serverless.yml as AWS would run it, in a process of its own: functions and API
 * Gateway's answers alike. It writes nothing into the checkout and calls no other host.
 * @throws {ChildFailed} when it does not come up, for instance because of a wrong setting
 */
export function startApi({
  port,
  lambdaPort,
  env,
  logFile,
  serviceDir = CHECKOUT,
}: ApiOptions): Promise<Child> {
  const corsOrigins = env['CORS_ORIGINS']
  return startChild({
    name: 'API',
    // Node 24: this very process needs it, too.
    command: process.execPath,
    args: [
      join(CHECKOUT, 'node_modules', 'serverless', 'bin', 'serverless.js'),
      ...['offline', 'start', '--httpPort', String(port), '--lambdaPort', String(lambdaPort)],
      // API Gateway's own answers are made from it, too.
      ...(corsOrigins ? ['--param', `corsOrigins=${corsOrigins}`] : []),
    ],
    cwd: serviceDir,
    env: {
      PATH: process.env['PATH'],
      HOME: homedir(),
      // Three lines per request otherwise. The functions' own lines are always there.
      SLS_LOG_LEVEL: 'warning',
      ...env,
    },
    logFile,
    isReady: saysReady,
  })
}
