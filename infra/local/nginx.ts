import { execFile } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { type Child, startChild } from './child.ts'

const run = promisify(execFile)

// Debian keeps it in /usr/sbin, which is not on the PATH of ordinary users.
const KNOWN_FOLDERS = ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin', '/usr/local/bin']

/** The nginx to use, or undefined when none is installed. PATH comes first. */
export function findNginx(path = process.env['PATH'] ?? ''): string | undefined {
  return [...path.split(delimiter), ...KNOWN_FOLDERS]
    .filter((folder) => folder !== '')
    .map((folder) => join(folder, 'nginx'))
    .find((file) => existsSync(file))
}

export interface NginxOptions {
  /** See findNginx. */
  readonly bin: string
  /** Folder for its configuration, pid, access log and temporary files; made when it is absent. */
  readonly home: string
  /** The text of nginx.conf; see renderNginxConf. Its paths are relative to `home`. */
  readonly conf: string
  /** Its error log is appended here. */
  readonly logFile: string
}

/**
 * Starts an nginx of our own in the foreground and resolves once it listens and a worker runs. It
 * touches nothing outside `home`.
 * @throws {ChildFailed} with what nginx said, e.g. that its port is taken
 */
export async function startNginx({ bin, home, conf, logFile }: NginxOptions): Promise<Child> {
  prepare(home, conf)
  return startChild({
    name: 'nginx',
    command: bin,
    args: [...HOME_ARGS, ...(await userArgs())],
    cwd: home,
    env: {},
    logFile,
    isReady: (line) => line.includes('start worker process '),
    readyWithinMs: 10_000,
  })
}

/**
 * Asks nginx whether the configuration is good; gives all it printed, warnings included.
 * @throws {Error} with what nginx said
 */
export async function checkNginx({
  bin,
  home,
  conf,
}: Omit<NginxOptions, 'logFile'>): Promise<string> {
  prepare(home, conf)
  const args = ['-t', ...HOME_ARGS, ...(await userArgs())]
  return (await run(bin, args, { cwd: home })).stderr
}

// A relative prefix: workers without privileges reach their files through the working folder, even
// when one above it (such as /root) is closed to them. `-e`: not the log that was compiled in.
const HOME_ARGS = ['-p', './', '-e', 'stderr', '-c', 'nginx.conf']

function prepare(home: string, conf: string): void {
  mkdirSync(home, { recursive: true })
  chmodSync(home, 0o711) // Workers without privileges pass through it.
  mkdirSync(join(home, 'temp'), { recursive: true, mode: 0o711 })
  writeFileSync(join(home, 'nginx.conf'), conf, { mode: 0o600 })
}

/** A master that root starts gets workers that are nobody; any other user's workers are that user. */
async function userArgs(): Promise<string[]> {
  if (process.getuid?.() !== 0) return []
  const group = (await run('id', ['-gn', 'nobody'])).stdout.trim()
  return ['-g', `user nobody ${group};`]
}
