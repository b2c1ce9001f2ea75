import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { test } from 'node:test'

const INFRA = join(import.meta.dirname, '..', '..', 'infra')

/** Loads a module as a Node would that says it is 20.19. */
function loadOnOldNode(file: string): string {
  const script = `
    Object.defineProperty(process.versions, 'node', { value: '20.19.0' })
    try { require(${JSON.stringify(join(INFRA, file))}) } catch (error) { process.stdout.write(error.stack) }`
  return spawnSync(process.execPath, ['--eval', script]).stdout.toString()
}

// A global `serverless` loads these on whatever Node the machine has.
for (const file of [
  'index.cjs',
  'plugins/bundle.cjs',
  'plugins/rest-stage.cjs',
  'plugins/offline.cjs',
]) {
  test(`${file} says in one line why an old Node cannot load it`, () => {
    assert.match(loadOnOldNode(file), /^Error: Warren needs Node 24, .*npx serverless.*$/)
  })
}
