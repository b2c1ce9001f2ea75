import { findNginx } from '../nginx.ts'
import { findRabbitmq } from '../private-node.ts'
import { type AptOptions, aptInstall, canInstall, InstallFailed, isDebian } from './apt.ts'

export interface Programs {
  /** Folder of RabbitMQ's scripts. Absent when it is not installed. */
  readonly rabbitmq?: string
  /** Absent when it is not installed. */
  readonly nginx?: string
}

export interface ProgramsOptions extends AptOptions {
  readonly needRabbitmq: boolean
  readonly needNginx: boolean
  /** Whether packages may be installed (`WARREN_INSTALL`). */
  readonly mayInstall: boolean
}

const PACKAGES = { rabbitmq: 'rabbitmq-server', nginx: 'nginx' } as const

/** Finds RabbitMQ and nginx; installs what is missing where that is possible and allowed. */
export async function findOrInstall(options: ProgramsOptions): Promise<Programs> {
  const packages = missing(findPrograms(), options)
  if (packages.length > 0 && options.mayInstall && canInstall()) await install(packages, options)
  return findPrograms()
}

function findPrograms(): Programs {
  const rabbitmq = findRabbitmq()
  const nginx = findNginx()
  return { ...(rabbitmq && { rabbitmq }), ...(nginx && { nginx }) }
}

const missing = (found: Programs, { needRabbitmq, needNginx }: ProgramsOptions): string[] => [
  ...(needRabbitmq && found.rabbitmq === undefined ? [PACKAGES.rabbitmq] : []),
  ...(needNginx && found.nginx === undefined ? [PACKAGES.nginx] : []),
]

async function install(packages: readonly string[], options: ProgramsOptions): Promise<void> {
  const names = packages.join(' and ')
  options.say(
    `Installing ${names} with apt-get; no system service is started or enabled (WARREN_INSTALL=0 forbids this).`,
  )
  try {
    await aptInstall(packages, options)
  } catch (error) {
    if (!(error instanceof InstallFailed)) throw error
    options.say(error.message)
  }
}

/** For a person: how to install what is missing on this machine. */
export function howToInstall(...programs: readonly (keyof typeof PACKAGES)[]): string {
  const packages = programs.map((program) => PACKAGES[program])
  if (isDebian()) {
    const sudo = process.getuid?.() === 0 ? '' : 'sudo '
    return `${sudo}apt-get install --no-install-recommends ${packages.join(' ')}`
  }
  if (process.platform === 'darwin') return `brew install ${programs.join(' ')}`
  return `install the packages ${packages.join(' and ')} of your system`
}
