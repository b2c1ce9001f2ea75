import { join } from 'node:path'
import { type RelayEntry, relayEnv } from '#infra/relays.ts'
import type { Env } from '#lib/config.ts'
import { type Child, saysReady, startChild } from './child.ts'
import { ROOT } from './settings.ts'

export interface RelayOptions {
  readonly entry: RelayEntry
  /** What the relay gets beside its entry: its broker, and what the shell sets for every process. */
  readonly env: Env
  /** Of its `/healthz` and `/readyz`. */
  readonly healthPort: number
  /** Folder of the logs. */
  readonly logs: string
}

/**
 * Starts the relay of one entry of infra/relays.yml.
 * @throws {ChildFailed} when it does not become ready
 */
export const startRelay = ({ entry, env, healthPort, logs }: RelayOptions): Promise<Child> =>
  startChild({
    name: `relay ${entry.name}`,
    command: process.execPath,
    args: [join(ROOT, 'relay/main.ts')],
    env: { ...env, ...relayEnv(entry), HEALTH_PORT: String(healthPort) },
    cwd: ROOT,
    logFile: join(logs, `relay-${entry.name}.log`),
    isReady: saysReady,
  })
