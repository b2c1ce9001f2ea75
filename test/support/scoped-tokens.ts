import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Ending } from './ending.ts'

/** The token of a caller in the file of {@link writeScopedTokens}. */
export const tokenOf = (name: string): string => `the-token-of-${name}-0123456789-0123456789`

/** Writes a file for `API_TOKENS_FILE`: each caller may publish to the exchanges named beside him. */
export async function writeScopedTokens(
  ending: Ending,
  callers: Readonly<Record<string, readonly string[]>>,
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-tokens-'))
  ending.after(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'tokens.json')
  const tokens = Object.entries(callers).map(([name, exchanges]) => ({
    name,
    sha256: createHash('sha256').update(tokenOf(name)).digest('hex'),
    publish: exchanges.map((exchange) => ({ exchange })),
  }))
  await writeFile(file, JSON.stringify({ tokens }))
  return file
}
