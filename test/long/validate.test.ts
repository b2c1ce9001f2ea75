import assert from 'node:assert/strict'
import { before, test } from 'node:test'
import { endOfFile } from '../support/ending.ts'
import { copySources, packageService } from '../support/package.ts'
import { judgeTemplate } from '../support/template-rules.ts'

const ending = endOfFile()
let sources: string

before(async () => {
  sources = await copySources(ending)
})

const EXTERNAL = [
  '--param=broker=external',
  '--param=brokerSecretArn=arn:aws:secretsmanager:eu-west-1:123456789012:secret:amqp-AbCdEf',
]

/** Choices that make other templates: sizes small and ha, and a broker that is there already. */
const CHOICES: readonly (readonly string[])[] = [
  ['--stage', 'dev'],
  ['--stage', 'prod'],
  ['--stage', 'dev', ...EXTERNAL],
  [
    '--stage',
    'dev',
    ...EXTERNAL,
    '--param=vpcSubnetIds=subnet-0a1b2c3d',
    '--param=vpcSecurityGroupIds=sg-0a1b2c3d',
  ],
]

for (const args of CHOICES) {
  test(`AWS's offline validator finds no error with ${args.join(' ')}`, async () => {
    const { template } = await packageService(ending, sources, {}, args)
    assert.deepEqual(judgeTemplate(JSON.stringify(template)).errors, [])
  })
}

test('the validator finds a property that does not exist', () => {
  const Properties = { Desciption: 'misspelled' }
  const Resources = { Secret: { Type: 'AWS::SecretsManager::Secret', Properties } }
  assert.match(judgeTemplate(JSON.stringify({ Resources })).errors.join(), /Desciption/)
})
