import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { mostConcurrency, PARAMETERS } from '#infra/aws/installation.ts'
import { SIZES } from '#infra/aws/sizes.ts'
import { ROOT } from '#infra/local/settings.ts'
import { readHttp } from '#lib/config.ts'
import { MOST_ITEMS } from '#lib/http/batch-items.ts'
import { ofType, resourcesOf } from '../support/installation.ts'
import { headingAnchors, linkTargets, tableRows } from '../support/markdown.ts'

const aws = readFileSync(join(ROOT, 'docs', 'aws.md'), 'utf8')
const only = (heading: string) => {
  const [rows, ...more] = tableRows(aws, heading)
  assert.deepEqual(more, [])
  return rows ?? []
}

test('docs/aws.md links to files and sections that are there', () => {
  for (const target of linkTargets(aws).filter((link) => !link.startsWith('https:'))) {
    const [path = '', anchor] = target.split('#')
    const file = path === '' ? 'docs/aws.md' : join('docs', path)
    assert.ok(existsSync(join(ROOT, file)), target)
    if (anchor === undefined) continue
    assert.ok(headingAnchors(readFileSync(join(ROOT, file), 'utf8')).includes(anchor), target)
  }
})

test('the parameters are those of serverless.yml, with their values for each stage', () => {
  const { params } = parse(readFileSync(join(ROOT, 'serverless.yml'), 'utf8'), {
    logLevel: 'silent',
  })
  assert.deepEqual(Object.keys(params), ['default', 'prod'])
  assert.deepEqual(Object.keys(params.default).toSorted(), Object.keys(PARAMETERS).toSorted())
  const value = (cell = '') => (cell === 'none' ? '' : cell)
  const rows = only('parameter')
  assert.deepEqual(
    Object.fromEntries(rows.map(([name, standard]) => [name, value(standard)])),
    params.default,
  )
  assert.deepEqual(
    Object.fromEntries(rows.flatMap(([name, , prod]) => (prod ? [[name, prod]] : []))),
    params.prod,
  )
})

test('the alarms are those that are made', () => {
  const made = Object.keys(ofType(resourcesOf(), 'AWS::CloudWatch::Alarm'))
  assert.deepEqual(
    only('alarm')
      .map(([name]) => name)
      .toSorted(),
    made.filter((name) => !name.startsWith('RelayTopic2')).toSorted(),
  )
})

test('what it says is kept is kept', () => {
  const kept = Object.entries(resourcesOf({ size: 'ha', protect: '1' }))
    .filter(
      ([, { DeletionPolicy, Type }]) => DeletionPolicy !== undefined && !/Gateway|IAM/.test(Type),
    )
    .map(([id]) => id)
  assert.deepEqual(
    only('kept')
      .map(([id]) => id)
      .toSorted(),
    kept.toSorted(),
  )
})

test('its numbers are those of the code', () => {
  const { small, ha } = SIZES
  const inWords = (number: number) => number.toLocaleString('en-US')
  for (const text of [
    `${inWords(readHttp({}).maxBodyBytes)} bytes`,
    `| ${inWords(MOST_ITEMS)} |`,
    `${small.connectionMax} (\`small\`), ${inWords(ha.connectionMax)} (\`ha\`)`,
    `${mostConcurrency(small.connectionMax, 2)} for \`small\``,
    `${mostConcurrency(ha.connectionMax, 2)} for \`ha\``,
  ]) {
    assert.ok(aws.includes(text), text)
  }
})
