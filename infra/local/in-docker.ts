import { findEngine, haveImage } from './containers.ts'
import { BROKER_IMAGE } from './docker-broker.ts'
import { NGINX_IMAGE } from './docker-edge.ts'
import { findNginx } from './nginx.ts'
import type { LocalSettings } from './settings.ts'

/** Which parts run in containers. */
export interface InDocker {
  readonly broker: boolean
  readonly edge: boolean
}

/**
 * Where a Docker engine runs that has the images or can pull them: a broker of our own, and the edge
 * if there is no nginx on this machine (which starts faster, and works with every engine).
 */
export async function chooseInDocker(
  settings: LocalSettings,
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<InDocker> {
  const engine = settings.mayUseDocker ? await findEngine(signal) : undefined
  if (engine === undefined) return { broker: false, edge: false }
  const have = (image: string) => haveImage(image, say, signal)
  return {
    broker: settings.broker === undefined && (await have(BROKER_IMAGE)),
    edge: findNginx() === undefined && engine.sharesNetwork && (await have(NGINX_IMAGE)),
  }
}
