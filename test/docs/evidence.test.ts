import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { test } from 'node:test'
import { makePages } from '../evidence/page.ts'
import { PROGRAMS, type Run } from '../evidence/runs.ts'

const read = (path: string) => readFileSync(new URL(`../../docs/${path}`, import.meta.url), 'utf8')

test('docs/evidence.md, its charts and the tables of docs/scale.md are what the runs printed', () => {
  const files = globSync('docs/evidence/*').map((path) => basename(path))
  const runs = files
    .filter((file) => file.endsWith('.json'))
    .map((file): [string, Run] => [
      file.slice(0, -'.json'.length),
      JSON.parse(read(`evidence/${file}`)),
    ])
  for (const [name] of runs) assert.ok(Object.hasOwn(PROGRAMS, name), name)
  const pages = makePages(Object.fromEntries(runs), {
    scale: read('scale.md'),
    readme: read('../README.md'),
  })
  for (const [path, text] of Object.entries(pages)) assert.equal(read(path), text, path)
  const charts = files.filter((file) => file.endsWith('.svg')).map((file) => `evidence/${file}`)
  assert.deepEqual(
    charts.sort(),
    Object.keys(pages)
      .filter((path) => path.endsWith('.svg'))
      .sort(),
  )
})
