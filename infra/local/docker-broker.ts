import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { renderDefinitions } from '#infra/setup/definitions.ts'
import { type LocalBroker, passwordIn, USER } from './broker.ts'
import { startChild } from './child.ts'
import { freePort } from './ports.ts'
import { ROOT } from './settings.ts'

const run = promisify(execFile)

/** The image of compose.yaml. */
const IMAGE = 'rabbitmq:4-management'
/** An engine that is stuck must not hold up the start. */
const ANSWERS_WITHIN_MS = 5000
const PULLS_WITHIN_MS = 120_000

/** The image to run the broker from: a Docker engine runs, and has it or can pull it. */
export async function findBrokerImage(
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<string | undefined> {
  const works = (timeout: number, ...args: readonly string[]) =>
    run('docker', args, { timeout, signal }).then(
      () => true,
      () => false,
    )
  if (!(await works(ANSWERS_WITHIN_MS, 'version'))) return undefined
  if (await works(ANSWERS_WITHIN_MS, 'image', 'inspect', IMAGE)) return IMAGE
  say(`Docker runs: pulling ${IMAGE} (WARREN_DOCKER=0 forbids this) …`)
  if (await works(PULLS_WITHIN_MS, 'pull', '--quiet', IMAGE)) return IMAGE
  say(`${IMAGE} could not be pulled.`)
  return undefined
}

/**
 * Starts RabbitMQ in a container, with its ports on 127.0.0.1 and its data in a volume that is kept
 * from start to start. Both have a name made from `home`.
 * @param except a port that is somebody else's
 */
export async function startDockerBroker(
  image: string,
  home: string,
  except: number,
): Promise<LocalBroker> {
  const pass = passwordIn(home)
  const [amqp, management] = await Promise.all([freePort(5672, except), freePort(15_672, except)])
  const name = `warren-${createHash('sha256').update(home).digest('hex').slice(0, 12)}`
  await remove(name) // What a start that was killed has left.
  const logFile = join(home, '..', 'logs', 'rabbitmq.log')
  const child = await startChild({
    name: 'RabbitMQ',
    command: 'docker',
    args: [
      'run',
      ...containerArgs(name, { amqp, management }, writeDefinitions(home, pass)),
      image,
    ],
    env: process.env,
    logFile,
    isReady: (line) => line.includes('completed with'),
  }).catch(async (error) => {
    await remove(name)
    throw error
  })
  return {
    url: `amqp://${USER}:${pass}@127.0.0.1:${amqp}/%2F`,
    console: { url: `http://127.0.0.1:${management}`, user: USER, pass },
    part: {
      name: 'RabbitMQ',
      logFile,
      ended: child.ended,
      lastLines: () => child.lastLines(),
      stop: async () => {
        await child.stop()
        await remove(name)
      },
    },
  }
}

const remove = (name: string) => run('docker', ['rm', '--force', name]).catch(() => {})

interface BrokerPorts {
  readonly amqp: number
  readonly management: number
}

/** As in compose.yaml; the client stays in the foreground, and passes SIGTERM on. */
const containerArgs = (name: string, ports: BrokerPorts, definitions: string) => [
  ...['--rm', '--init', '--name', name, '--hostname', 'rabbit', '--user', '999:999'],
  ...['--cap-drop', 'ALL', '--security-opt', 'no-new-privileges:true', '--memory', '1g'],
  ...['--publish', `127.0.0.1:${ports.amqp}:5672`],
  ...['--publish', `127.0.0.1:${ports.management}:15672`],
  ...['--volume', `${name}:/var/lib/rabbitmq`],
  ...['--volume', `${definitions}:/var/lib/warren/broker:ro`],
  ...[
    '--volume',
    `${join(ROOT, 'infra/broker/rabbitmq.conf')}:/etc/rabbitmq/conf.d/20-warren.conf:ro`,
  ],
  ...['--volume', `${join(ROOT, 'infra/broker/enabled_plugins')}:/etc/rabbitmq/enabled_plugins:ro`],
]

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
