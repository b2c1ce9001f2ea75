import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { ROOT } from '#infra/local/settings.ts'
import type { Ending } from './ending.ts'
import { codeBlocks } from './markdown.ts'
import type { Observer } from './messages.ts'

/** A consumer of docs/consumers.md, and what it takes to run it. */
export interface Language {
  /** Of the fenced block. */
  readonly fence: 'python' | 'php' | 'js'
  /** Name that the program is saved under. */
  readonly file: string
  readonly command: string
  /** Puts its libraries where it looks for them. */
  readonly prepare: (folder: string) => void
}

/** The queue that the documented consumers read. */
export const QUEUE = 'topic1'

/** A folder with the documented program in it, as its reader would have it. */
export interface Workplace {
  /** Starts the program; it is killed at the end of the test. */
  start(amqpUrl: string): Started
  /** The bodies that the program has worked on, in order; empty before its first start. */
  worked(): string[]
}

export interface Started {
  /** SIGKILL. */
  kill(): Promise<void>
  /** Resolves when it has ended, whoever ended it, with what it printed. */
  readonly ended: Promise<string>
}

const MOST_LINES = 20

export async function workplaceFor(ending: Ending, language: Language): Promise<Workplace> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-consumer-'))
  ending.after(() => rm(folder, { recursive: true, force: true, maxRetries: 3 }))
  writeFileSync(join(folder, language.file), documented(language.fence))
  language.prepare(folder)
  return {
    start: (amqpUrl) => {
      const started = startIn(folder, language, amqpUrl)
      ending.after(() => started.kill())
      return started
    },
    worked: () => rowsOf(join(folder, 'handled.db')),
  }
}

function startIn(cwd: string, { command, file }: Language, amqpUrl: string): Started {
  const env = { PATH: process.env['PATH'], AMQP_URL: amqpUrl }
  const child = spawn(command, [file], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const printed: Buffer[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => void printed.push(chunk))
  }
  const ended = once(child, 'close').then(() => Buffer.concat(printed).toString())
  return {
    kill: async () => {
      child.kill('SIGKILL')
      await ended
    },
    ended,
  }
}

function documented(fence: Language['fence']): string {
  const blocks = codeBlocks(readFileSync(join(ROOT, 'docs/consumers.md'), 'utf8'), fence)
  assert.equal(blocks.length, 1, fence)
  const [program] = blocks as [string]
  const lines = program.split('\n').filter((line) => line.trim() !== '').length
  assert.ok(lines <= MOST_LINES, `${fence}: ${lines} lines`)
  return program
}

/** Opened to be written as well: what a killed program has left half done is rolled back by that. */
function rowsOf(file: string): string[] {
  if (!existsSync(file)) return []
  const db = new DatabaseSync(file, { timeout: 5000 })
  try {
    const rows = db.prepare('SELECT body FROM orders ORDER BY rowid').all()
    return rows.map(({ body }) => Buffer.from(body as Uint8Array | string).toString())
  } catch (error) {
    if (/no such table/.test((error as Error).message)) return []
    throw error
  } finally {
    db.close()
  }
}

/** Publishes each id `times` times; the second and later copies look like a relay's redeliveries. */
export async function publishCopies(
  { channel }: Observer,
  ids: readonly string[],
  times: number,
): Promise<void> {
  for (let copy = 0; copy < times; copy += 1) {
    for (const messageId of ids) {
      const headers = copy === 0 ? {} : { 'x-relay-redelivered': true }
      channel.sendToQueue(QUEUE, Buffer.from(messageId), { messageId, headers, persistent: true })
    }
  }
  await channel.checkQueue(QUEUE) // Answered after all that was sent before it.
}
