import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, saysReady, startChild } from '#infra/local/child.ts'
import { freePorts } from '#infra/local/ports.ts'
import type { Env } from '#lib/config.ts'
import type { Ending } from './ending.ts'
import { until } from './until.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

/** A relay as an operator runs it: a process of its own. */
export interface RelayProcess {
  /** Its log so far, one object per line; what is no JSON is under `text`. */
  readonly lines: readonly Readonly<Record<string, unknown>>[]
  /** The sum of all series of this metric, without the prefix `warren_relay_`. */
  metric(name: string): Promise<number>
  readiness(): Promise<{ readonly status: number; readonly reasons: readonly string[] }>
  /** Waits for a line of the log with this message. */
  logged(message: string, withinMs?: number): Promise<Readonly<Record<string, unknown>>>
  readonly child: Child
}

/**
 * Starts `node relay/main.ts` with these settings and ends it with the test.
 * @param isReady when it counts as started: by default when it says that it is ready
 */
export async function startRelay(
  ending: Ending,
  env: Env,
  isReady: (line: string) => boolean = saysReady,
): Promise<RelayProcess> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-relay-'))
  ending.after(() => rm(folder, { recursive: true, force: true }))
  const [port] = (await freePorts(1)) as [number]
  const lines: Record<string, unknown>[] = []
  const child = await startChild({
    name: 'relay',
    command: process.execPath,
    args: ['relay/main.ts'],
    env: { HEALTH_PORT: String(port), ...env },
    cwd: ROOT,
    logFile: join(folder, 'relay.log'),
    isReady: (line) => {
      lines.push(parse(line))
      return isReady(line)
    },
    readyWithinMs: 20_000,
  })
  ending.after(() => child.stop())
  return relayOf(child, lines, `http://127.0.0.1:${port}`)
}

function relayOf(
  child: Child,
  lines: readonly Record<string, unknown>[],
  url: string,
): RelayProcess {
  return {
    child,
    lines,
    metric: async (name) => {
      const text = await (await fetch(`${url}/metrics`)).text()
      const series = text.matchAll(new RegExp(`^warren_relay_${name}\\{.*\\} (\\S+)$`, 'gm'))
      return [...series].reduce((sum, [, value]) => sum + Number(value), 0)
    },
    readiness: async () => {
      const response = await fetch(`${url}/readyz`)
      const { reasons = [] } = (await response.json()) as { reasons?: string[] }
      return { status: response.status, reasons }
    },
    logged: (message, withinMs) =>
      until(message, () => lines.find((line) => line['message'] === message), withinMs),
  }
}

function parse(line: string): Record<string, unknown> {
  try {
    return JSON.parse(line)
  } catch {
    return { text: line }
  }
}
