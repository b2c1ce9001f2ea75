import { spawn } from 'node:child_process'
import { closeSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { ConfigError, type Env, readAll, readSettings, text, whole } from '#lib/config.ts'
import { describeError } from '#lib/log.ts'
import { gatheredToStdout, toStderr } from '#lib/log-lines.ts'
import { renderNginxConf } from './nginx-conf.ts'
import { logPipe, passOn } from './nginx-log.ts'
import { serveReadyNames } from './ready-names.ts'
import { type EdgeSettings, readEdge } from './settings.ts'

/** Settings of the edge's container beside those of {@link readEdge}. */
const CONTAINER = {
  // A folder that nginx may write to: its configuration, its pid, bodies on their way.
  EDGE_HOME: text('/var/lib/warren/edge'),
  // The port at which each address of API_URL's name answers /health/ready; 0: none is asked.
  API_READY_PORT: whole(0, 0, 65_535),
}

/** For what nginx had logged when it ended. */
const LAST_LINES_MS = 1000

/** Where nginx asks for names: at ours, which leaves out what is not ready, if there is something to ask. */
async function withReadyNames(settings: EdgeSettings, readyPort: number): Promise<EdgeSettings> {
  const { api, resolvers } = settings
  if (readyPort === 0 || !api.named) return settings
  const { address } = await serveReadyNames({ name: api.host, readyPort, resolvers })
  return { ...settings, resolvers: [address] }
}

function runNginx(home: string, conf: string): void {
  mkdirSync(join(home, 'temp'), { recursive: true })
  writeFileSync(join(home, 'nginx.conf'), conf)
  const args = ['-p', './', '-e', 'stderr', '-c', 'nginx.conf']
  const { end, passed } = logPipe(join(home, 'log'), gatheredToStdout())
  const nginx = spawn('nginx', args, { cwd: home, stdio: ['ignore', end, 'pipe'] })
  closeSync(end)
  const errorsPassed = passOn(nginx.stderr as Readable, toStderr)
  // QUIT is nginx's orderly stop: requests under way are answered.
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const) {
    process.on(signal, () => void nginx.kill('SIGQUIT'))
  }
  nginx.on('error', ({ message }) => fail(`nginx cannot be started: ${message}`, 1))
  nginx.on('exit', async (code) => {
    await Promise.race([Promise.all([passed, errorsPassed]), sleep(LAST_LINES_MS)])
    process.exit(code ?? 1)
  })
}

function fail(message: string, code: number): void {
  toStderr(`edge: ${message}`)
  process.exitCode = code
}

async function main(env: Env): Promise<void> {
  const { edge, container } = readAll({
    edge: () => readEdge(env),
    container: () => readSettings(CONTAINER, env),
  })
  const settings = await withReadyNames(edge, container.API_READY_PORT)
  runNginx(container.EDGE_HOME, renderNginxConf(settings))
}

try {
  await main(process.env)
} catch (error) {
  const isConfig = error instanceof ConfigError
  for (const line of isConfig ? error.problems : [describeError(error)])
    fail(line, isConfig ? 2 : 1)
}
