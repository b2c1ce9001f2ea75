import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { mostConcurrency } from '#infra/aws/installation.ts'
import { SIZES } from '#infra/aws/sizes.ts'
import { ConfigError, type Env } from '#lib/config.ts'
import { EXTERNAL, installation, listener, SECRET_ARN } from '../support/installation.ts'
import { ownHome } from '../support/stack.ts'

/** What is wrong with these parameters. */
function problems(parameters: Env, relays?: Parameters<typeof installation>[1]) {
  try {
    installation(parameters, relays)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('nothing needs to be chosen', () => {
  const { relays: _, ...chosen } = installation()
  assert.deepEqual(chosen, {
    broker: { kind: 'amazonmq', size: 'small' },
    edge: true,
    requestsPerSecond: 1000,
    allowFrom: [],
    corsOrigins: [],
    protect: false,
  })
})

const WRONG: readonly [Env, RegExp][] = [
  [{ broker: 'rabbit' }, /^broker must be one of amazonmq, external$/],
  [{ size: 'large' }, /^size must be one of small, ha$/],
  [{ broker: 'external' }, /^broker=external needs brokerSecretArn/],
  [{ ...EXTERNAL, brokerSecretArn: SECRET_ARN.slice(0, -7) }, /^brokerSecretArn must be the whole/],
  [{ brokerSecretArn: SECRET_ARN }, /go with broker=external$/],
  [{ ...EXTERNAL, vpcSubnetIds: 'subnet-0a1b2c3d' }, /must be set together$/],
  [
    { ...EXTERNAL, vpcSubnetIds: 'a', vpcSecurityGroupIds: 'sg-0a1b2c3d' },
    /^vpcSubnetIds must be ids/,
  ],
  [{ allowFrom: '203.0.113.0/24' }, /^allowFrom needs edge=0/],
  [{ allowFrom: 'office', edge: '0' }, /^allowFrom must be addresses or networks/],
  [{ alarmEmail: 'nobody' }, /^alarmEmail must be an e-mail address$/],
  [{ corsOrigins: 'https://a.example/' }, /^corsOrigins must be origins/],
  [{ requestsPerSecond: '0' }, /^requestsPerSecond must be a whole number/],
  [{ protect: 'maybe' }, /^protect must be one of/],
]
for (const [parameters, expected] of WRONG) {
  test(`refused in plain words: ${JSON.stringify(parameters)}`, () => {
    const [problem, ...more] = problems(parameters)
    assert.match(problem ?? '', expected)
    assert.deepEqual(more, [])
  })
}

test('all that is wrong is said at once', () => {
  assert.equal(problems({ size: 'large', requestsPerSecond: 'many', protect: '2' }).length, 3)
})

test('the functions may hold half of the connections that relays and others leave', () => {
  assert.equal(mostConcurrency(300, 2), 138)
  assert.equal(mostConcurrency(SIZES.ha.connectionMax, 0), 990)
})

test('more execution environments than the broker has connections for are refused', () => {
  assert.deepEqual(problems({ publishConcurrency: '138' }), [])
  assert.match(problems({ publishConcurrency: '139' }).join(), /must be at most 138: size=small/)
  const one = [listener('topic1'), listener('bound', 'bind')]
  assert.deepEqual(problems({ publishConcurrency: '139' }, one), [], 'binding needs no connection')
  assert.deepEqual(problems({ publishConcurrency: '139', size: 'ha' }), [])
  assert.match(problems({ publishConcurrency: '2' }).join(), /at least 3/)
  assert.deepEqual(
    problems({ ...EXTERNAL, publishConcurrency: '5000' }),
    [],
    'its limit is unknown',
  )
})

test('more listeners than a stack has room for are refused', () => {
  const many = (count: number) => Array.from({ length: count }, (_, n) => listener(`queue-${n}`))
  assert.deepEqual(problems({ size: 'ha' }, many(20)), [])
  assert.match(problems({ size: 'ha' }, many(21)).join(), /21 copying entries, .* room for 20/)
  assert.deepEqual(problems({ size: 'ha' }, [...many(20), listener('bound', 'bind')]), [])
})

test("the authority of a company's broker becomes a setting, so it is a short PEM text", (t) => {
  const folder = ownHome(t)
  const file = (name: string, content: string) => {
    writeFileSync(join(folder, name), content)
    return join(folder, name)
  }
  const pem = '-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n'
  const given = (brokerCaFile: string) => ({ ...EXTERNAL, brokerCaFile })
  const { broker } = installation(given(file('ca.pem', pem)))
  assert.equal(broker.kind === 'external' && broker.ca, pem)
  const wrong = [file('ca.der', 'MII'), join(folder, 'none'), file('long.pem', pem.repeat(60))]
  for (const path of wrong) {
    assert.deepEqual(problems(given(path)), [
      'brokerCaFile must be a PEM file of at most 3000 bytes',
    ])
  }
  assert.match(problems({ brokerCaFile: file('ca.pem', pem) }).join(), /go with broker=external$/)
})
