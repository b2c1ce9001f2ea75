import {
  existsSync,
  globSync,
  lstatSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { identify, isAlive, type ProcessId } from '../processes.ts'

// Debian's maintainer scripts start what they install unless this script answers 101 (invoke-rc.d(8)).
const POLICY = 'usr/sbin/policy-rc.d'
const SAVED = `${POLICY}.before-warren`
const NOTE = '# warren: '

/** Who put our policy there, and which links enabled a service before. */
interface Note extends ProcessId {
  readonly enabled: readonly string[]
}

/**
 * Runs a task that installs Debian packages so that no service is started, and takes back exactly
 * what the packages enabled for the next boot. Restores what it found, however the task ends; what a
 * killed run left is put right by the next one.
 * @param root where the system is; for tests
 */
export async function withoutServices<T>(task: () => Promise<T>, root = '/'): Promise<T> {
  const enabled = await forbidStarts(root)
  try {
    return await task()
  } finally {
    restore(root, enabled)
  }
}

/**
 * Puts our policy there. Waits while another installation is under way, and puts right what a killed
 * one left.
 * @returns what is enabled now
 */
async function forbidStarts(root: string): Promise<readonly string[]> {
  for (let note = readNote(root); note !== undefined; note = readNote(root)) {
    if (!isAlive(note)) restore(root, note.enabled)
    else await sleep(500)
  }
  const policy = join(root, POLICY)
  if (isThere(policy)) renameSync(policy, join(root, SAVED))
  const enabled = enabledLinks(root)
  const note: Note = { ...(identify(process.pid) as ProcessId), enabled }
  const lines = [
    '#!/bin/sh',
    '# No service starts while Warren installs packages.',
    `${NOTE}${JSON.stringify(note)}`,
    'exit 101',
  ]
  writeFileSync(policy, `${lines.join('\n')}\n`, { mode: 0o755, flag: 'wx' })
  return enabled
}

function readNote(root: string): Note | undefined {
  const file = join(root, POLICY)
  const text = existsSync(file) ? readFileSync(file, 'utf8') : ''
  const line = text.split('\n').find((each) => each.startsWith(NOTE))
  return line === undefined ? undefined : (JSON.parse(line.slice(NOTE.length)) as Note)
}

function restore(root: string, enabled: readonly string[]): void {
  const known = new Set(enabled.map(unnumbered))
  for (const link of enabledLinks(root)) {
    if (!known.has(unnumbered(link))) disable(join(root, link))
  }
  const saved = join(root, SAVED)
  if (isThere(saved)) renameSync(saved, join(root, POLICY))
  else rmSync(join(root, POLICY), { force: true })
}

/** As `systemctl disable` and `update-rc.d disable` do it: no link, and a K link for an S link. */
function disable(link: string): void {
  if (/\/S\d\d[^/]*$/.test(link)) renameSync(link, link.replace(/\/S\d\d([^/]*)$/, '/K01$1'))
  else rmSync(link)
}

/** The links that start something at boot: systemd's, and those of the runlevels. */
export function enabledLinks(root = '/'): string[] {
  return globSync(['etc/systemd/**/*', 'etc/rc[0-9S].d/S*'], { cwd: root })
    .filter((link) => lstatSync(join(root, link)).isSymbolicLink())
    .sort()
}

/** insserv numbers the other links of a runlevel anew when one is added. */
const unnumbered = (link: string) => link.replace(/\/S\d\d([^/]*)$/, '/S$1')

/** Also true for a link that leads nowhere. */
const isThere = (file: string) => lstatSync(file, { throwIfNoEntry: false }) !== undefined
