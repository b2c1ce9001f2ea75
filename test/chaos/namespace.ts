import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { haveInstalled } from '../support/installed.ts'

/** Set for the program inside. */
export const INSIDE = 'WARREN_CHAOS_NAMESPACE'

/**
 * Runs this very program again in a network namespace of its own: what its packet filter drops is
 * dropped for nobody else, and is gone with it. As root, or where the kernel lets users have namespaces.
 * What that takes is installed, if it is missing.
 * @returns its exit code
 */
export async function runInNamespace(env: NodeJS.ProcessEnv): Promise<number> {
  await haveInstalled({ unshare: 'util-linux', ip: 'iproute2', iptables: 'iptables' })
  const asUser = process.getuid?.() === 0 ? [] : ['--user', '--map-root-user']
  const [program, ...args] = process.argv as [string, ...string[]]
  const inside = ['sh', '-c', 'ip link set lo up && exec "$0" "$@"', program, ...args]
  const child = spawn('unshare', ['--net', ...asUser, '--', ...inside], {
    env: { ...env, [INSIDE]: '1' },
    stdio: 'inherit',
  })
  // A Ctrl-C reaches both; what else ends this one must end that one.
  process.on('SIGINT', () => {})
  process.on('SIGTERM', () => void child.kill('SIGTERM'))
  const [code, signal] = await once(child, 'exit').catch(({ message }) => {
    throw new Error(`cluster3 needs unshare and ip (util-linux, iproute2) on Linux: ${message}`)
  })
  return code ?? (signal === null ? 0 : 2)
}
