import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import * as v from 'valibot'
import { LOCAL, ROOT } from '#infra/local/settings.ts'
import { BROKER, HTTP } from '#lib/config.ts'
import { GATEWAY } from '#lib/config-gateway.ts'
import { RELAY } from '#lib/config-relay.ts'
import { PROBLEMS, type ProblemRow } from '#lib/errors.ts'
import { deadLinks, tableRows } from '../support/markdown.ts'

const readme = readFileSync(join(ROOT, 'README.md'), 'utf8')

test('the status table is the one that answers are made from', () => {
  const again = ({ retryable, outcome }: ProblemRow) => {
    if (!retryable) return 'no'
    return outcome === 'not-published' ? 'yes' : 'yes, same id'
  }
  assert.deepEqual(tableRows(readme, 'status'), [
    Object.entries(PROBLEMS).map(([code, row]) => [
      String(row.status),
      code,
      row.title,
      row.outcome,
      again(row),
    ]),
  ])
})

/** A default as one would write it into the environment. */
function defaultOf(schema: v.GenericSchema<string | undefined, unknown>): string {
  const result = v.safeParse(schema, undefined)
  if (!result.success) return 'required'
  const value = result.output
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return 'none'
  if (typeof value === 'boolean') return value ? '1' : '0'
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

test('the tables of settings have every setting with its default, and no other', () => {
  const tables = tableRows(readme, 'setting')
  assert.deepEqual(
    tables.map((rows) => rows.map(([name, standard]) => `${name}=${standard}`).sort()),
    [LOCAL, BROKER, HTTP, GATEWAY, RELAY].map((entries) =>
      Object.entries(entries)
        .map(([name, schema]) => `${name}=${defaultOf(schema)}`)
        .sort(),
    ),
  )
})

const DOCUMENTS = [
  ...['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'RELEASING.md'],
  ...['docs/README.md', 'docs/architecture.md'],
]
for (const file of DOCUMENTS) {
  test(`${file} links to nothing that is not there, and names only scripts that exist`, () => {
    const text = readFileSync(join(ROOT, file), 'utf8')
    assert.deepEqual(deadLinks(file, text), [])
    const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'))
    for (const [, name] of text.matchAll(/\bnpm (?:run )?([a-z][a-z:]*)\b/g)) {
      assert.ok((name as string) in scripts || ['ci', 'version'].includes(name as string), name)
    }
  })
}
