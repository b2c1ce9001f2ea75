import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Child, saysReady, startChild } from '#infra/local/child.ts'
import type { Env } from '#lib/config.ts'
import { TOKEN } from './api.ts'
import type { Ending } from './ending.ts'

/** A real gateway process. */
export interface Gateway {
  readonly origin: string
  readonly adminOrigin: string
  readonly child: Child
  /** All it printed. */
  logs(): Promise<string>
}

/** The gateway's program. */
export const MAIN = new URL('../../gateway/main.ts', import.meta.url).pathname

/** Starts the gateway on free ports; it ends with the test. */
export async function startTestGateway(ending: Ending, env: Env): Promise<Gateway> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-gateway-'))
  ending.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const logFile = join(folder, 'gateway.log')
  let ready: { port: number; adminPort: number } | undefined
  const child = await startChild({
    name: 'gateway',
    command: process.execPath,
    args: [MAIN],
    env: { PORT: '0', ADMIN_PORT: '0', API_TOKEN: TOKEN, ...env },
    logFile,
    isReady: (line) => {
      if (saysReady(line)) ready = JSON.parse(line)
      return ready !== undefined
    },
  })
  ending.after(async () => void (await child.stop()))
  return {
    origin: `http://127.0.0.1:${ready?.port}`,
    adminOrigin: `http://127.0.0.1:${ready?.adminPort}`,
    child,
    logs: () => readFile(logFile, 'utf8'),
  }
}
