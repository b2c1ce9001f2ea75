import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { cp, mkdtemp, readdir, readFile, rm, symlink } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { CompiledTemplate } from '#infra/plugins/serverless.ts'
import type { Env } from '#lib/config.ts'
import type { Ending } from './ending.ts'

const run = promisify(execFile)
const CHECKOUT = join(import.meta.dirname, '..', '..')
/** All that packaging reads. */
const SOURCES = [
  'serverless.yml',
  'package.json',
  'package-lock.json',
  'infra',
  'functions',
  'lib',
  'relay',
]

/** A module that names the hosts that a process connects to, for NODE_OPTIONS. */
export const ONLY_LOOPBACK = join(import.meta.dirname, 'only-loopback.cjs')

/** No credentials, no settings. serverless keeps compiled schemas in a cache, which takes seconds to fill. */
const BARE: Env = {
  NODE_OPTIONS: `--require ${ONLY_LOOPBACK}`,
  SLS_SCHEMA_CACHE_BASE_DIR: homedir(),
}

/** What `serverless package` made. */
export interface Packaged {
  readonly template: CompiledTemplate
  /** Every file that it wrote, by name. */
  readonly files: ReadonlyMap<string, Buffer>
  /** All it printed. */
  readonly output: string
}

/** A copy of all that packaging reads, so that several packages are made of the same. */
export async function copySources(ending: Ending, from: string = CHECKOUT): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-package-'))
  ending.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  await Promise.all(
    SOURCES.map((name) => cp(join(from, name), join(folder, name), { recursive: true })),
  )
  await symlink(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'))
  return folder
}

/**
 * Runs `serverless package` with these arguments on another copy of these sources, without
 * credentials and with no more environment than `env`. Whatever it connects to is named in the output.
 */
export async function packageService(
  ending: Ending,
  sources: string,
  env: Env = {},
  args: readonly string[] = [],
): Promise<Packaged> {
  const folder = await copySources(ending, sources)
  const { stdout, stderr } = await run(
    process.execPath,
    [join(CHECKOUT, 'node_modules', 'serverless', 'bin', 'serverless.js'), 'package', ...args],
    { cwd: folder, env: { ...BARE, HOME: folder, ...env } },
  )
  const files = await readAll(join(folder, '.serverless'))
  const text = files.get('cloudformation-template-update-stack.json')
  return { template: JSON.parse(String(text)), files, output: stdout + stderr }
}

async function readAll(folder: string): Promise<Map<string, Buffer>> {
  const names = await readdir(folder)
  const contents = await Promise.all(names.map((name) => readFile(join(folder, name))))
  return new Map(names.map((name, i) => [name, contents[i] as Buffer]))
}

/** The zips alone, as digests by name. */
export const zipDigests = ({ files }: Packaged): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...files]
      .filter(([name]) => name.endsWith('.zip'))
      .map(([name, content]) => [name, createHash('sha256').update(content).digest('hex')]),
  )
