import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { sha256 } from '../clients/bodies.ts'
import { CLIENTS } from '../clients/clients.ts'
import { FRONTS } from '../clients/fronts.ts'
import { clientsPage, PAGE, readRun } from '../clients/page.ts'
import { exitOf } from '../clients/report.ts'
import { EXIT } from '../support/report.ts'

const run = readRun()
const { report } = run
const AGAIN = 'run `npm run evidence -- clients` and `npm run clients -- --docs`'

test('docs/clients.md is what `npm run clients -- --docs` makes of the run that was kept', () => {
  assert.equal(readFileSync(PAGE, 'utf8'), clientsPage(run), 'run `npm run clients -- --docs`')
})

test('every snippet ran as it stands there', () => {
  const ran = report.clients.map(({ name, snippet }) => [name, snippet])
  const there = CLIENTS.map(({ name, snippet }) => [name, sha256(snippet)])
  assert.deepEqual(ran, there, AGAIN)
})

test('every client ran through every front, and all was identical', () => {
  const cells = report.rows.map(({ subject, setting }) => `${subject}: ${setting}`)
  assert.deepEqual(
    cells,
    CLIENTS.flatMap(({ name }) => FRONTS.map((front) => `${name}: ${front}`)),
  )
  assert.ok(CLIENTS.length >= 25)
  for (const { unit, median } of report.rows) assert.equal(unit, `of ${median}`)
  assert.equal(exitOf(report), EXIT.met)
})

test('the page has each snippet whole', () => {
  const page = readFileSync(PAGE, 'utf8')
  for (const { name, snippet } of CLIENTS) assert.ok(page.includes(`\n${snippet}\`\`\`\n`), name)
})
