import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Part } from './parts.ts'
import { freePort, freePorts } from './ports.ts'
import { startPrivateNode } from './private-node.ts'

/** A broker of our own, and how to stop it. */
export interface LocalBroker {
  readonly url: string
  /** The management console and API. */
  readonly console: { readonly url: string; readonly user: string; readonly pass: string }
  readonly part: Part
}

export const USER = 'warren'

/**
 * Starts RabbitMQ as a private node with its data under `home`; they are kept from start to start.
 * @param bin folder of RabbitMQ's scripts
 * @param except a port that is somebody else's
 */
export async function startLocalBroker(
  bin: string,
  home: string,
  except: number,
): Promise<LocalBroker> {
  const pass = passwordIn(home)
  const [amqp, management] = await Promise.all([freePort(5672, except), freePort(15_672, except)])
  const [dist, epmd] = (await freePorts(2)) as [number, number]
  const ports = { amqp, management, dist, epmd }
  const node = await startPrivateNode({ bin, home, ports, user: USER, pass })
  return {
    url: node.amqpUrl,
    console: { url: node.managementUrl, user: USER, pass },
    part: {
      name: 'RabbitMQ',
      logFile: join(home, 'node.out'),
      ended: node.ended,
      lastLines: () => node.lastLines(),
      stop: () => node.stop(),
    },
  }
}

/** Made once: RabbitMQ reads it only when it makes its data. */
export function passwordIn(home: string): string {
  mkdirSync(home, { recursive: true, mode: 0o700 })
  const file = join(home, 'password')
  if (!existsSync(file)) {
    writeFileSync(file, randomBytes(15).toString('base64url'), { mode: 0o600 })
  }
  return readFileSync(file, 'utf8').trim()
}
