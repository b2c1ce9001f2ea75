import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { identify, isAlive, type ProcessId } from './processes.ts'

interface Holder extends ProcessId {
  readonly url: string
}

/** Somebody else holds the lock and is alive. */
export class AlreadyRunning extends Error {
  override readonly name = 'AlreadyRunning'

  constructor(holder: Holder, file: string) {
    super(
      `Warren is already running: ${holder.url} (process ${holder.pid}, lock ${file}). Stop it with Ctrl-C in its terminal, or with kill ${holder.pid}.`,
    )
  }
}

/** @throws {AlreadyRunning} when somebody alive holds this lock */
function refuseIfRunning(file: string): void {
  const holder = readHolder(file)
  if (holder !== undefined && isAlive(holder)) throw new AlreadyRunning(holder, file)
}

/**
 * Takes the lock for this process; a lock whose holder is dead is taken over.
 * @param url for whoever comes second
 * @returns a function that gives it back
 * @throws {AlreadyRunning}
 */
export function takeLock(file: string, url: string): () => void {
  const mine = `${file}.${process.pid}`
  writeFileSync(mine, JSON.stringify({ ...identify(process.pid), url }))
  try {
    while (!linked(mine, file)) removeStale(file)
  } finally {
    rmSync(mine)
  }
  return () => rmSync(file, { force: true })
}

/** A link appears whole or not at all, and never over another: of two that start at once, one wins. */
function linked(mine: string, file: string): boolean {
  try {
    linkSync(mine, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function removeStale(file: string): void {
  refuseIfRunning(file)
  const stale = `${file}.stale.${process.pid}`
  try {
    renameSync(file, stale)
  } catch {
    return // Given back, or removed by another that starts at the same time.
  }
  // It may be a new one, put there between our look and the renaming.
  const moved = readHolder(stale)
  if (moved !== undefined && isAlive(moved)) linked(stale, file)
  rmSync(stale)
}

function readHolder(file: string): Holder | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Holder
  } catch {
    return undefined
  }
}
