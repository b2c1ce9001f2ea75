import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { renderNginxConf } from '#infra/edge/nginx-conf.ts'
import { readEdge } from '#infra/edge/settings.ts'
import type { Child } from '#infra/local/child.ts'
import { checkNginx, findNginx, startNginx } from '#infra/local/nginx.ts'
import { freePorts } from '#infra/local/ports.ts'
import type { Env } from '#lib/config.ts'
import type { Ending } from './ending.ts'
import { until } from './until.ts'

/** A line of the edge's access log. */
export interface AccessLine {
  readonly requestId: string
  readonly address: string
  readonly method: string
  readonly path: string
  readonly status: number
  /** Empty when nginx answered by itself. */
  readonly upstream: string
}

/** A real nginx with the product's configuration, in front of whatever `env` names. */
export interface Edge {
  readonly origin: string
  readonly port: number
  readonly nginx: Child
  /** Waits until `pick` finds what it wants in the access log: a line comes after its answer. */
  logged<T>(what: string, pick: (lines: readonly AccessLine[]) => T): Promise<NonNullable<T>>
  /** Both logs as text. */
  logs(): Promise<string>
}

/**
 * Starts an edge on a free port; it ends with the test.
 * @param env the edge's settings, as the product reads them
 * @throws {Error} one clear line when nginx is not installed: a test never skips for that
 */
export async function startEdge(ending: Ending, env: Env): Promise<Edge> {
  let nginx: Child | undefined
  const folder = await makeFolder(ending, async () => void (await nginx?.stop()))
  const [port] = (await freePorts(1)) as [number]
  const conf = renderNginxConf(readEdge({ EDGE_PORT: String(port), ...env }))
  const home = join(folder, 'nginx')
  const logFile = join(folder, 'nginx.log')
  nginx = await startNginx({ bin: nginxBinary(), home, conf, logFile })
  const accessFile = join(home, 'access.log')
  return {
    origin: `http://127.0.0.1:${port}`,
    port,
    nginx,
    logged: (what, pick) =>
      until(what, async () => pick(parseLines(await readFile(accessFile, 'utf8')))),
    logs: async () => (await readFile(accessFile, 'utf8')) + (await readFile(logFile, 'utf8')),
  }
}

/** What `nginx -t` prints about a configuration with these settings. @throws {Error} when it is bad */
export async function checkEdge(ending: Ending, env: Env): Promise<string> {
  const home = join(await makeFolder(ending), 'nginx')
  return checkNginx({ bin: nginxBinary(), home, conf: renderNginxConf(readEdge(env)) })
}

/** @throws {Error} one clear line when it is not installed */
export function nginxBinary(): string {
  const bin = findNginx()
  if (bin === undefined) {
    throw new Error('nginx is not installed: run `npm test`, which installs it, or install it.')
  }
  return bin
}

/** @param before what must have ended before the folder goes */
async function makeFolder(ending: Ending, before = async () => {}): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-edge-'))
  ending.after(async () => {
    await before()
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  })
  return folder
}

const parseLines = (text: string): AccessLine[] =>
  text
    .split('\n')
    .slice(0, -1) // What follows the last line end is nothing, or not whole yet.
    .map((line) => JSON.parse(line))
