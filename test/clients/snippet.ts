import { execFile } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Body } from './bodies.ts'
import type { Client } from './clients.ts'

/** What is replaced in a snippet: it is documented with what `npm start` runs. */
const PLACEHOLDERS = {
  url: 'http://127.0.0.1:8080/publish/exchange',
  token: 'super_secret_key',
  type: 'application/json',
  file: 'message.json',
  inline: '{"hello": "Gonzalo"}',
} as const

/** What stands in their places; a snippet need not have all. */
export type Values = Readonly<Record<keyof typeof PLACEHOLDERS, string | Buffer>>

/**
 * The snippet with these values, byte by byte: an inline body may be in any encoding.
 * @throws {Error} for a snippet without address or token, or with none of the two bodies
 */
export function fillIn(snippet: string, values: Values): Buffer {
  const has = (name: keyof Values) => snippet.includes(PLACEHOLDERS[name])
  if (!has('url') || !has('token') || has('file') === has('inline')) {
    throw new Error(`not all placeholders are there:\n${snippet}`)
  }
  let filled = Buffer.from(snippet).toString('latin1')
  for (const [name, placeholder] of Object.entries(PLACEHOLDERS)) {
    const value = Buffer.from(values[name as keyof Values]).toString('latin1')
    filled = filled.replaceAll(placeholder, () => value)
  }
  return Buffer.from(filled, 'latin1')
}

/** What sends this body there. */
export const valuesOf = ({ file, type, bytes }: Body, url: string, token: string): Values => ({
  url,
  token,
  file,
  type,
  inline: bytes,
})

/** What a program did. */
export interface Ran {
  readonly succeeded: boolean
  /** All it printed, both outputs. */
  readonly printed: string
}

/** Enough for a compiler and a virtual machine on a busy machine. */
const TIMEOUT_MS = 90_000

/**
 * Runs a line of shell in a folder. The distribution's programs come first (but for Node, which is
 * ours), and nothing of this shell's settings, a proxy for instance, is handed down.
 */
export function runIn(folder: string, line: string): Promise<Ran> {
  const PATH = `${dirname(process.execPath)}:/usr/bin:/bin:/usr/sbin:${process.env['PATH']}`
  const env = { PATH, HOME: folder, LANG: 'C.UTF-8' }
  return new Promise((resolve) => {
    execFile(
      'sh',
      ['-c', line],
      { cwd: folder, env, timeout: TIMEOUT_MS, killSignal: 'SIGKILL' },
      (error, stdout, stderr) =>
        resolve({ succeeded: error === null, printed: (stdout + stderr).trim() }),
    )
  })
}

/** Writes the client's snippet with these values into the folder and runs it there. */
export async function runSnippet(client: Client, values: Values, folder: string): Promise<Ran> {
  await writeFile(join(folder, client.program), fillIn(client.snippet, values))
  return runIn(folder, client.run)
}
