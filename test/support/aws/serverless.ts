import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import { text } from 'node:stream/consumers'
import { type Account, OPERATOR_KEY } from './account.ts'

/** What a program printed, and how it ended. */
export interface Ended {
  readonly code: number | null
  readonly output: string
}

/** The environment of an operator of this account, and nothing else. */
export const operatorEnv = ({ endpoint, region }: Account, home: string): NodeJS.ProcessEnv => ({
  // A `docker` of ours is there.
  PATH: [join(home, 'bin'), process.env['PATH']].join(delimiter),
  HOME: home,
  AWS_ENDPOINT_URL: endpoint,
  AWS_REGION: region,
  AWS_ACCESS_KEY_ID: OPERATOR_KEY,
  AWS_SECRET_ACCESS_KEY: 'secret',
})

/** Runs the real `serverless` in a checkout, against an account of ours. */
export function serverless(account: Account, checkout: string, ...args: readonly string[]) {
  const program = join(checkout, 'node_modules', 'serverless', 'bin', 'serverless.js')
  return run(account, checkout, program, ...args)
}

/** Runs a program of Node's in a checkout, against an account of ours. */
export async function run(
  account: Account,
  checkout: string,
  program: string,
  ...args: readonly string[]
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: checkout,
    env: {
      ...operatorEnv(account, checkout),
      // How often serverless looks what the stack does (ms); it keeps compiled schemas in a cache.
      SLS_AWS_MONITORING_FREQUENCY: '100',
      SLS_SCHEMA_CACHE_BASE_DIR: homedir(),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const printed = Promise.all([text(child.stdout), text(child.stderr)])
  const [code] = await once(child, 'close')
  return { code, output: (await printed).join('') }
}
