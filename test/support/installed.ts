import { accessSync, constants } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { aptInstall, canInstall } from '#infra/local/install/apt.ts'
import { flag, readSettings } from '#lib/config.ts'

/** A program by its name, and Debian's package that has it. */
export type Programs = Readonly<Record<string, string>>

/** Long enough for a browser over a slow line. */
const INSTALL_MS = 300_000

/**
 * Installs what is missing, as `npm test` installs RabbitMQ and nginx.
 * @throws {Error} one clear line where that is impossible or forbidden (`WARREN_INSTALL=0`): a test
 * never skips for that
 */
export async function haveInstalled(programs: Programs): Promise<void> {
  const missing = Object.keys(programs).filter((program) => !isThere(program))
  if (missing.length === 0) return
  const packages = [...new Set(missing.map((program) => programs[program] as string))]
  await install(packages, missing)
}

/**
 * The same for what is no program: installs the packages unless `works` resolves without them.
 * @throws {Error} one clear line where that is impossible or forbidden
 */
export async function haveWorking(
  packages: readonly string[],
  works: () => Promise<unknown>,
): Promise<void> {
  const isWorking = await works().then(
    () => true,
    () => false,
  )
  if (!isWorking) await install(packages, packages)
}

async function install(packages: readonly string[], missing: readonly string[]): Promise<void> {
  const { WARREN_INSTALL } = readSettings({ WARREN_INSTALL: flag(true) }, process.env)
  if (!WARREN_INSTALL || !canInstall()) {
    throw new Error(`This needs ${missing.join(' and ')}: install ${packages.join(' and ')}.`)
  }
  const folder = await mkdtemp(join(tmpdir(), 'warren-install-'))
  try {
    await aptInstall(packages, {
      env: process.env,
      logFile: join(folder, 'install.log'),
      say: (line) => console.error(line),
      signal: AbortSignal.timeout(INSTALL_MS),
    })
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 3 })
  }
}

function isThere(program: string): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter)
  return folders.some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
