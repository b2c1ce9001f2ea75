import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { promisify } from 'node:util'
import { stripTypes } from '#infra/strip-types.ts'

const run = promisify(execFile)
const CHECKOUT = join(import.meta.dirname, '..', '..')
const FOLDERS = ['lib', 'functions', 'gateway', 'relay', 'infra']

const made = mkdtempSync(join(tmpdir(), 'warren-strip-'))
after(() => rmSync(made, { recursive: true }))
stripTypes(made, FOLDERS, CHECKOUT)
for (const name of ['package.json', 'node_modules']) {
  symlinkSync(join(CHECKOUT, name), join(made, name))
}

const filesOf = (top: string, ending: string) =>
  FOLDERS.flatMap((folder) =>
    readdirSync(join(top, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith(ending))
      .map((name) => join(folder, name)),
  )

test('each file of TypeScript has become one of JavaScript, every line where it was', () => {
  const sources = filesOf(CHECKOUT, '.ts')
  assert.ok(sources.length > 100)
  assert.deepEqual(filesOf(made, '.ts'), [])
  assert.deepEqual(
    filesOf(made, '.js').sort(),
    sources.map((name) => name.replace(/\.ts$/, '.js')).sort(),
  )
  const lines = (file: string) => readFileSync(file, 'utf8').split('\n').length
  for (const name of sources) {
    assert.equal(lines(join(made, name.replace(/\.ts$/, '.js'))), lines(join(CHECKOUT, name)), name)
  }
})

test('any other file is there as it is', () => {
  const name = 'relay/Dockerfile'
  assert.equal(readFileSync(join(made, name), 'utf8'), readFileSync(join(CHECKOUT, name), 'utf8'))
})

test('what they import of ours is there', () => {
  for (const name of filesOf(made, '.js')) {
    const source = readFileSync(join(made, name), 'utf8')
    for (const [, ours = ''] of source.matchAll(
      /(?:from|import\(|URL\()\s*'([#.][^']+\.[jt]s)'/g,
    )) {
      const file = ours.startsWith('#') ? ours.slice(1) : join(dirname(name), ours)
      assert.ok(existsSync(join(made, file)), `${name} imports ${ours}`)
    }
  }
})

for (const program of ['gateway', 'relay', 'infra/edge']) {
  test(`the ${program} is the same program, without a warning`, async () => {
    const start = (file: string) =>
      run(process.execPath, [file], { env: { PORT: 'x', HEALTH_PORT: 'x', EDGE_PORT: 'x' } }).catch(
        ({ code, stdout, stderr }) => ({
          code,
          stdout,
          stderr,
        }),
      )
    const [js, ts] = await Promise.all([
      start(join(made, program, 'main.js')),
      start(join(CHECKOUT, program, 'main.ts')),
    ])
    assert.match(js.stderr, /PORT must be/)
    assert.deepEqual(js, ts)
  })
}

test('whoever calls it wrongly is told how to', async () => {
  const { code, stderr } = await run(process.execPath, [
    join(CHECKOUT, 'infra/strip-types.ts'),
    made,
  ]).catch((error) => error)
  assert.equal(code, 2)
  assert.match(stderr, /^Usage: node infra\/strip-types\.ts TO FOLDER\.\.\.\n$/)
})
