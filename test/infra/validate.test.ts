import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { before, test } from 'node:test'
import { RegoEngine, type StandardDiagnostic, TemplateFile } from '@aws/cloudformation-validate'
import { endOfFile } from '../support/ending.ts'
import { copySources, packageService } from '../support/package.ts'

const ending = endOfFile()
/** AWS's own rules and resource schemas (those of cfn-lint 1.56), without a network. */
const engine = new RegoEngine()
ending.after(() => engine.free())
let sources: string

before(async () => {
  sources = await copySources(ending)
})

/** Every choice that makes another template. */
const CHOICES: readonly (readonly string[])[] = [
  ['--stage', 'dev'],
  ['--stage', 'prod'],
]

for (const args of CHOICES) {
  test(`AWS's offline validator finds no error with ${args.join(' ')}`, async () => {
    const { template } = await packageService(ending, sources, {}, args)
    assert.deepEqual(await errorsOf(template), [])
  })
}

test('the validator finds a property that does not exist', async () => {
  const Properties = { Desciption: 'misspelled' }
  const Resources = { Secret: { Type: 'AWS::SecretsManager::Secret', Properties } }
  assert.match((await errorsOf({ Resources })).join(), /Desciption/)
})

async function errorsOf(template: object): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'warren-template-'))
  try {
    const file = join(folder, 'template.json')
    await writeFile(file, JSON.stringify(template))
    const { diagnostics } = engine.validateStandard(new TemplateFile(file))
    return diagnostics.filter(isError).map(inWords)
  } finally {
    await rm(folder, { recursive: true })
  }
}

const isError = ({ severity }: StandardDiagnostic) => severity === 'FATAL' || severity === 'ERROR'

const inWords = ({ ruleId, message, entity, propertyPath }: StandardDiagnostic) =>
  `${ruleId} ${entity?.logicalId ?? 'template'} ${propertyPath ?? ''}: ${message}`
