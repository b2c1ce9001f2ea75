import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startApi } from '#infra/local/api.ts'
import type { Child } from '#infra/local/child.ts'
import { freePorts } from '#infra/local/ports.ts'
import type { Env } from '#lib/config.ts'
import type { Ending } from './ending.ts'

/** A real `serverless offline`: API Gateway's answers and our functions. */
export interface Api {
  readonly origin: string
  readonly child: Child
  /** All it printed. */
  logs(): Promise<string>
}

export interface ApiOptions {
  /** The functions' settings. */
  readonly env: Env
  /** Folder of another serverless.yml than ours. */
  readonly serviceDir?: string
}

/** The token of {@link startTestApi}'s caller, unless its settings say otherwise. */
export const TOKEN = 'the-token-of-the-tests'

/** Starts the API on free ports; it ends with the test. */
export async function startTestApi(ending: Ending, { env, ...more }: ApiOptions): Promise<Api> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-api-'))
  ending.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  const [port, lambdaPort] = (await freePorts(2)) as [number, number]
  const logFile = join(folder, 'api.log')
  const settings = { API_TOKEN: TOKEN, ...env }
  const child = await startApi({ port, lambdaPort, env: settings, logFile, ...more })
  ending.after(async () => void (await child.stop()))
  return {
    origin: `http://127.0.0.1:${port}`,
    child,
    logs: () => readFile(logFile, 'utf8'),
  }
}
