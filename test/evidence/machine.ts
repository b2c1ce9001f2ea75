import { execFileSync } from 'node:child_process'
import { globSync, readFileSync } from 'node:fs'
import { cpus, release, totalmem } from 'node:os'
import { join } from 'node:path'
import { findRabbitmq } from '#infra/local/private-node.ts'

const GIB = 2 ** 30

/** What the figures of a run depend on. */
export function describeMachine(): Record<string, string> {
  const [cpu] = cpus()
  return {
    processor: `${cpus().length} × ${cpu?.model.trim() ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / GIB)} GiB`,
    system: `${systemName()}, Linux ${release()}`,
    node: process.version,
    rabbitmq: rabbitmqVersion(),
    amqplib: amqplibVersion(),
    commit: git('rev-parse', '--short', 'HEAD') + (git('status', '--porcelain') && ' (changed)'),
  }
}

const systemName = (): string =>
  /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'unknown'

/** From the name of its folder: `rabbitmqctl version` leaves an epmd behind, which listens on all addresses. */
function rabbitmqVersion(): string {
  const bin = process.env['TEST_RABBITMQ_BIN'] ?? findRabbitmq()
  if (bin === undefined) return 'none'
  const [folder] = globSync('rabbitmq_server-*', { cwd: join(bin, '..', 'lib') })
  return folder?.replace('rabbitmq_server-', '') ?? 'unknown'
}

/** From the file: the package does not export it. */
function amqplibVersion(): string {
  const file = new URL('../../node_modules/amqplib/package.json', import.meta.url)
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version
}

const git = (...args: string[]): string => execFileSync('git', args, { encoding: 'utf8' }).trim()
