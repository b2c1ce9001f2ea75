import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startContainer } from './containers.ts'
import { type EdgeOptions, edgeConf } from './edge.ts'
import type { Part } from './parts.ts'

/** The official image of nginx's stable line. */
export const NGINX_IMAGE = 'nginx:stable'

/** nobody, in every image. */
const USER = '65534:65534'
const FOLDER = '/edge'

/**
 * Starts the edge in a container that shares this machine's network: API and console are on 127.0.0.1.
 * @throws {ChildFailed} with what nginx said, e.g. that its port is taken
 */
export function startDockerEdge(options: Omit<EdgeOptions, 'bin'>): Promise<Part> {
  const { home } = options
  const conf = join(home, 'edge', 'nginx.conf')
  mkdirSync(join(home, 'edge'), { recursive: true })
  writeFileSync(conf, edgeConf(options, { ACCESS_LOG: '/dev/stdout' }))
  chmodSync(conf, 0o644) // For nobody; there is no secret in it.
  const tmpfs = [FOLDER, `${FOLDER}/temp`].flatMap((path) => ['--tmpfs', `${path}:uid=65534`])
  return startContainer({
    ...{ home, role: 'edge', name: 'nginx', image: NGINX_IMAGE },
    logFile: join(home, 'logs', 'nginx.log'),
    isReady: (line) => line.includes('start worker process '),
    readyWithinMs: 30_000,
    options: [
      ...['--network', 'host', '--read-only', '--user', USER, ...tmpfs],
      ...['--volume', `${conf}:/etc/warren/nginx.conf:ro`],
    ],
    command: ['nginx', '-p', `${FOLDER}/`, '-e', 'stderr', '-c', '/etc/warren/nginx.conf'],
  })
}
