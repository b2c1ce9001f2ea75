import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { ROOT } from '#infra/local/settings.ts'
import { clientEnv, docker, prepareStack } from './docker.ts'
import type { Ending } from './ending.ts'
import { codeBlocks } from './markdown.ts'
import { until } from './until.ts'

const run = promisify(execFile)

/** The stack of infra/swarm.yml, deployed on this machine's engine. */
export interface Swarm {
  /** Of the edge, at every address of this machine: Swarm cannot publish at one. */
  readonly port: number
  readonly origin: string
  /** Has a copy of infra/swarm.yml. */
  readonly folder: string
  /** Runs lines of docs/containers.md in that folder. */
  sh(lines: string): Promise<string>
  /** Ids of a service's containers that run. */
  containers(service: string): Promise<readonly string[]>
  /** Waits until every service has as many containers as it should. */
  converged(): Promise<void>
}

/** By this label we know a swarm of ours that a killed run has left. */
const LABEL = 'warren.test'
/** A whole stack starts, on a busy machine. */
const CONVERGED_MS = 180_000

/** The blocks of commands in the section about Swarm, in order: the start, retiring a listener. */
export const documented = (): readonly string[] =>
  codeBlocks(
    readFileSync(join(ROOT, 'docs/containers.md'), 'utf8').split('\n## Swarm\n')[1] ?? '',
    'sh',
  )

/**
 * Makes a swarm of this one node and deploys the stack as documented, its images built here; all of it
 * goes at the end.
 * @throws {Error} when the engine is part of a swarm that is not ours
 */
export async function deploySwarm(
  ending: Ending,
  dotenv: Readonly<Record<string, string>>,
): Promise<Swarm> {
  const { compose, folder, port, origin } = await prepareStack(ending, { dotenv })
  await compose(['build'])
  await leaveOurs()
  const loopback = ['--listen-addr', '127.0.0.1:2377', '--data-path-addr', '127.0.0.1']
  await docker('swarm', 'init', '--advertise-addr', '127.0.0.1', ...loopback)
  ending.after(leaveOurs)
  const node = await docker('node', 'ls', '--quiet')
  await docker('node', 'update', '--label-add', `${LABEL}=true`, node)
  const sh = async (lines: string) => {
    const env = { ...clientEnv(), EDGE_PORT: String(port), WARREN_REGISTRY: '', WARREN_TAG: 'test' }
    const { stdout } = await run('bash', ['-euc', lines], { cwd: folder, env })
    return stdout.trim()
  }
  // All but the names of the images, and what needs a registry.
  const [start = ''] = documented()
  await sh(start.replace(/^(export|docker compose) .*$/gm, '').replace(/ NODE\b/, ` ${node}`))
  const containers = async (service: string) =>
    (await docker('ps', '--quiet', '--filter', `name=^warren_${service}\\.`))
      .split('\n')
      .filter((id) => id !== '')
  const swarm = { port, origin, folder, sh, containers, converged }
  await swarm.converged()
  return swarm
}

const converged = async () => {
  const isThere = async () => {
    const listed = await docker('service', 'ls', '--format', '{{.Replicas}}')
    return listed.split('\n').every((each) => /^(\d+)\/\1\b/.test(each))
  }
  await until('every service runs', isThere, CONVERGED_MS)
}

/** Ends a swarm that this file has made, with the stack's volumes; any other is left alone. */
async function leaveOurs(): Promise<void> {
  const label = `{{ index .Spec.Labels "${LABEL}" }}`
  const isOurs = await docker('node', 'inspect', 'self', '--format', label).catch(() => '')
  if (isOurs !== 'true') return
  await docker('stack', 'rm', 'warren')
  const running = () => docker('ps', '--quiet', '--filter', 'name=^warren_')
  await until('the stack has ended', async () => (await running()) === '', CONVERGED_MS)
  await docker('swarm', 'leave', '--force')
  await until('no container is left', removeLeft, CONVERGED_MS)
  await docker('volume', 'rm', '--force', 'warren_rabbit', 'warren_edge')
  await docker('network', 'rm', 'docker_gwbridge').catch(() => {}) // Only a swarm needs it.
}

/** Removes what the engine itself does not; whether nothing is left. */
async function removeLeft(): Promise<boolean> {
  const found = await docker('ps', '--all', '--quiet', '--filter', 'label=com.docker.swarm.task')
  const ids = found.split('\n').filter((id) => id !== '')
  // The engine may just be at it: then that fails, and the next look tells.
  for (const id of ids) await docker('rm', '--force', id).catch(() => {})
  return ids.length === 0
}
