import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findNginx } from '#infra/local/nginx.ts'
import { findRabbitmq } from '#infra/local/private-node.ts'
import type { Ending } from '../support/ending.ts'
import { haveWorking } from '../support/installed.ts'
import { type Cell, runCell, writeBodies } from './cell.ts'
import type { Client } from './clients.ts'
import { FRONTS, type Fronts, startFronts } from './fronts.ts'
import type { Result } from './report.ts'
import { runIn } from './snippet.ts'
import { observeWire } from './wire.ts'

export interface RunOptions {
  /** Whether Debian's packages may be installed. */
  readonly install: boolean
  /** Progress, for a person. */
  readonly say: (line: string) => void
  /** Ends it between two cells. */
  readonly signal: AbortSignal
}

export interface RunResult {
  readonly results: readonly Result[]
  /** Clients that are not installed. */
  readonly absent: readonly Client[]
}

/** Runs the clients one after the other; what it starts ends with `ending`. */
export async function runClients(
  clients: readonly Client[],
  ending: Ending,
  { install, say, signal }: RunOptions,
): Promise<RunResult> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-clients-'))
  ending.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  if (install) await haveWorking(['rabbitmq-server', 'nginx'], haveServers)
  const versions = new Map<Client, string | undefined>()
  for (const client of clients) {
    signal.throwIfAborted()
    if (install) await haveWorking(client.packages, () => versionOf(client, folder))
    versions.set(client, await versionOf(client, folder).catch(() => undefined))
  }
  const absent = clients.filter((client) => versions.get(client) === undefined)
  if (absent.length === clients.length) return { results: [], absent }
  await writeBodies(folder)
  say('Starting RabbitMQ, gateway, serverless offline and edge.')
  const fronts = await startFronts(ending)
  const results: Result[] = []
  for (const client of clients) {
    const version = versions.get(client)
    if (version === undefined) continue
    say(client.name)
    results.push({ client, version, ...(await runClient(client, fronts, folder, signal)) })
  }
  return { results, absent }
}

async function runClient(client: Client, fronts: Fronts, folder: string, signal: AbortSignal) {
  signal.throwIfAborted()
  const wire = await observeWire(client, fronts, folder)
  const cells: Cell[] = []
  for (const front of FRONTS) {
    signal.throwIfAborted()
    cells.push(await runCell(client, front, fronts, folder))
  }
  return { wire, cells }
}

async function haveServers(): Promise<void> {
  if (findRabbitmq() === undefined || findNginx() === undefined) throw new Error('not both')
}

/** @throws {Error} when something is missing */
async function versionOf({ name, version }: Client, folder: string): Promise<string> {
  const { succeeded, printed } = await runIn(folder, version)
  const found = printed.match(/\d+(\.\d+)*/)?.[0]
  if (!succeeded || found === undefined) throw new Error(`${name} is not there: ${printed}`)
  return found
}
