import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { renderDefinitions } from '#infra/setup/definitions.ts'
import { type LocalBroker, passwordIn, USER } from './broker.ts'
import { containerName, startContainer } from './containers.ts'
import { freePort } from './ports.ts'
import { ROOT } from './settings.ts'

/** The image of compose.yaml. */
export const BROKER_IMAGE = 'rabbitmq:4-management'

/**
 * Starts RabbitMQ in a container, with its ports on 127.0.0.1 and its data in a volume that is kept
 * from start to start.
 * @param home WARREN_HOME
 * @param except a port that is somebody else's
 * @throws {ChildFailed}
 */
export async function startDockerBroker(home: string, except: number): Promise<LocalBroker> {
  const own = join(home, 'docker-broker')
  const pass = passwordIn(own)
  const [amqp, management] = await Promise.all([freePort(5672, except), freePort(15_672, except)])
  const part = await startContainer({
    ...{ home, role: 'broker', name: 'RabbitMQ', image: BROKER_IMAGE },
    logFile: join(home, 'logs', 'rabbitmq.log'),
    isReady: (line) => line.includes('completed with'),
    options: [
      ...['--hostname', 'rabbit', '--user', '999:999', '--memory', '1g'],
      ...['--publish', `127.0.0.1:${amqp}:5672`, '--publish', `127.0.0.1:${management}:15672`],
      ...['--volume', `${containerName(home, 'broker')}:/var/lib/rabbitmq`],
      ...mounts(writeDefinitions(own, pass)),
    ],
  })
  return {
    url: `amqp://${USER}:${pass}@127.0.0.1:${amqp}/%2F`,
    console: { url: `http://127.0.0.1:${management}`, user: USER, pass },
    part,
  }
}

/** As in compose.yaml. */
const mounts = (definitions: string): string[] =>
  [
    `${definitions}:/var/lib/warren/broker:ro`,
    `${join(ROOT, 'infra/broker/rabbitmq.conf')}:/etc/rabbitmq/conf.d/20-warren.conf:ro`,
    `${join(ROOT, 'infra/broker/enabled_plugins')}:/etc/rabbitmq/enabled_plugins:ro`,
  ].flatMap((mount) => ['--volume', mount])

/** Hashes only, for the broker's own user to read. */
function writeDefinitions(home: string, pass: string): string {
  const folder = join(home, 'definitions')
  mkdirSync(folder, { recursive: true })
  const text = renderDefinitions([{ name: USER, pass, isAdministrator: true }])
  writeFileSync(join(folder, 'definitions.json'), text)
  chmodSync(folder, 0o755)
  chmodSync(join(folder, 'definitions.json'), 0o644)
  return folder
}
