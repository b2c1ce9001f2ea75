import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { until } from '../support/until.ts'

export interface ServerProcess {
  readonly pid: number
  stop(): Promise<void>
}

export interface ServerOptions {
  readonly name: string
  /** Arguments of node. */
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** Where it will answer. */
  readonly port: number
  /** For its output, which goes there directly: reading a line per request would cost CPU that is measured. */
  readonly folder: string
}

const START_MS = 60_000

/** Starts a server with this Node; resolves once it answers. @throws {Error} with what it printed */
export async function startServerProcess(options: ServerOptions): Promise<ServerProcess> {
  const { name, args, env, port, folder } = options
  const logFile = join(folder, `${name}.log`)
  const log = openSync(logFile, 'a')
  const child = spawn(process.execPath, args, { env, stdio: ['ignore', log, log] })
  closeSync(log)
  const ended = once(child, 'exit')
  const stop = async () => {
    child.kill('SIGTERM')
    await ended
  }
  const answers = () =>
    fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => child.exitCode !== null,
    )
  await until(`${name} answers`, answers, START_MS).catch(async (error) => {
    await stop()
    throw error
  })
  if (child.exitCode !== null) throw new Error(`${name} ended: ${readFileSync(logFile, 'utf8')}`)
  return { pid: child.pid as number, stop }
}
