import { readFileSync } from 'node:fs'

/** A file of JSONTestSuite: `y_` must be accepted, `n_` must be refused, `i_` is left to the parser. */
export interface SuiteFile {
  readonly name: string
  readonly body: Buffer
}

type Stored = string | { readonly repeat: string; readonly times: number; readonly then: string }

/**
 * All 318 of them, from https://github.com/nst/JSONTestSuite (test_parsing, commit 1ef36fa0): Copyright
 * (c) 2016 Nicolas Seriot, MIT, see json-test-suite/LICENSE. Stored as base64, or as what they repeat.
 */
export function suiteFiles(): readonly SuiteFile[] {
  const file = new URL('json-test-suite/files.json', import.meta.url)
  const stored: Record<string, Stored> = JSON.parse(readFileSync(file, 'utf8'))
  return Object.entries(stored).map(([name, content]) => ({ name, body: bodyOf(content) }))
}

function bodyOf(content: Stored): Buffer {
  if (typeof content === 'string') return Buffer.from(content, 'base64')
  return Buffer.from(content.repeat.repeat(content.times) + content.then)
}
