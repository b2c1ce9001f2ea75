import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { errorsDocument } from '#infra/docs/errors.ts'
import { ROOT } from '#infra/local/settings.ts'
import { PROBLEMS } from '#lib/errors.ts'
import { headingAnchors, linkTargets } from '../support/markdown.ts'

const text = readFileSync(join(ROOT, 'docs', 'errors.md'), 'utf8')

test('docs/errors.md is what `npm run docs` makes of the status table', () => {
  assert.equal(text, errorsDocument(), 'run `npm run docs`')
})

test('it has a section for every problem, which the overview leads to', () => {
  const codes = Object.keys(PROBLEMS)
  assert.deepEqual(headingAnchors(text).slice(1), codes)
  const linked = linkTargets(text).filter((target) => target.startsWith('#'))
  assert.deepEqual(
    linked,
    codes.map((code) => `#${code}`),
  )
})
