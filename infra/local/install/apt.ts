import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Env } from '#lib/config.ts'
import { withoutServices } from './no-services.ts'

/** Says that packages could not be installed, with apt's last lines. */
export class InstallFailed extends Error {
  override readonly name = 'InstallFailed'
}

export interface AptOptions {
  readonly env: Env
  /** All that apt prints is appended here. */
  readonly logFile: string
  readonly say: (line: string) => void
  /** Ends the installation where apt can be interrupted without harm. */
  readonly signal: AbortSignal
  /** Where the system is; for tests. @default '/' */
  readonly root?: string
}

/** Whether this is Debian or a child of it, and we may install packages. */
export const canInstall = (): boolean =>
  process.getuid?.() === 0 && isDebian() && existsSync('/usr/bin/apt-get')

export function isDebian(): boolean {
  const file = '/etc/os-release'
  return existsSync(file) && /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync(file, 'utf8'))
}

/**
 * Installs packages without what they only recommend, and without starting or enabling a service.
 * @throws {InstallFailed}
 */
export function aptInstall(packages: readonly string[], options: AptOptions): Promise<void> {
  return withoutServices(async () => {
    // A source that cannot be reached, or old lists, may still do: the installation will tell.
    await apt(['update'], options)
    options.signal.throwIfAborted()
    const { code, lines } = await apt(['install', '--no-install-recommends', ...packages], options)
    options.signal.throwIfAborted()
    if (code !== 0) throw new InstallFailed(failure(packages, lines, options.logFile))
  }, options.root)
}

const failure = (packages: readonly string[], lines: readonly string[], logFile: string) =>
  [`apt-get could not install ${packages.join(' and ')} (all of it: ${logFile}):`, ...lines].join(
    '\n',
  )

const OPTIONS = [
  '-q',
  '-y',
  '-o',
  'DPkg::Lock::Timeout=300', // Seconds; another installation may be under way.
  '-o',
  'Dpkg::Use-Pty=0',
  '-o',
  'Dpkg::Options::=--force-confold', // A configuration file of yours stays as it is.
]
const SAY_EVERY_MS = 10_000
const LINES_KEPT = 15

async function apt(args: readonly string[], { env, logFile, say, signal }: AptOptions) {
  say(`apt-get ${args.join(' ')}`)
  const child = spawn('apt-get', [...OPTIONS, ...args], {
    env: {
      ...env,
      PATH: `${env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`,
      LC_ALL: 'C.UTF-8',
      DEBIAN_FRONTEND: 'noninteractive',
      NEEDRESTART_SUSPEND: '1', // Ubuntu would restart services afterwards.
    },
    detached: true, // A Ctrl-C in the terminal must not hit dpkg.
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  // apt-get itself ends at SIGINT while it downloads, and ignores it while dpkg works.
  const interrupt = () => {
    say('apt-get must come to an end first …')
    child.kill('SIGINT')
  }
  signal.addEventListener('abort', interrupt)
  const lines: string[] = []
  const log = createWriteStream(logFile, { flags: 'a' })
  for (const stream of [child.stdout, child.stderr]) {
    createInterface({ input: stream }).on('line', (line) => {
      log.write(`${line}\n`)
      if (line.trim() === '') return
      lines.push(line)
      if (lines.length > LINES_KEPT) lines.shift()
    })
  }
  const ticker = setInterval(() => say(`  … ${lines.at(-1) ?? ''}`), SAY_EVERY_MS)
  try {
    const [code] = (await once(child, 'close')) as [number | null]
    return { code, lines }
  } finally {
    clearInterval(ticker)
    signal.removeEventListener('abort', interrupt)
    log.end()
  }
}
