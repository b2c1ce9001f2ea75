import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ConfigError } from '#lib/config.ts'
import { COMMANDS, parseCommand } from '#relay/commands/args.ts'
import { helpFor } from '#relay/commands/help.ts'

const problems = (...args: string[]): readonly string[] => {
  try {
    parseCommand(args)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
  return []
}

test('no command is run', () => {
  assert.deepEqual(parseCommand([]), { name: 'run' })
  assert.deepEqual(parseCommand(['run']), { name: 'run' })
})

test('each command without options has its defaults', () => {
  assert.deepEqual(parseCommand(['check']), { name: 'check', json: false, management: undefined })
  assert.deepEqual(parseCommand(['detach']), { name: 'detach', json: false, timeoutMs: 300_000 })
  assert.deepEqual(parseCommand(['replay']), {
    name: 'replay',
    json: false,
    dryRun: false,
    count: 1_000_000_000,
    filter: { reasons: [], messageIds: [], routingKeys: [], headers: [] },
  })
})

test('every option arrives, before or after =', () => {
  const command = parseCommand([
    'replay',
    '--json',
    '--dry-run',
    '--count=7',
    '--reason',
    'rejected',
    '--reason=delivery_limit',
    '--message-id',
    'a b',
    '--routing-key=eu.#',
    '--header',
    'kind=a=b',
    '--header=empty=',
  ])
  assert.deepEqual(command, {
    name: 'replay',
    json: true,
    dryRun: true,
    count: 7,
    filter: {
      reasons: ['rejected', 'delivery_limit'],
      messageIds: ['a b'],
      routingKeys: ['eu.#'],
      headers: [
        ['kind', 'a=b'],
        ['empty', ''],
      ],
    },
  })
  const detach = parseCommand(['detach', '--timeout', '5'])
  assert.equal(detach.name === 'detach' && detach.timeoutMs, 5000)
  const check = parseCommand(['check', '--management', 'https://host:15671/rabbitmq'])
  assert.equal(check.name === 'check' && check.management?.pathname, '/rabbitmq')
})

test('everything that is wrong is said at once', () => {
  assert.deepEqual(
    problems('replay', '--count', '0', '--header', 'x', '--foo', '--json=1', 'extra', '--reason'),
    [
      'unknown option --foo',
      '--json takes no value',
      'unexpected argument extra',
      '--reason needs a value',
      '--count must be a whole number from 1 to 1000000000',
      '--header must be NAME=VALUE',
    ],
  )
})

test('what one command takes is unknown to the others', () => {
  assert.deepEqual(problems('check', '--count', '1'), [
    'unknown option --count',
    'unexpected argument 1',
  ])
  assert.deepEqual(problems('--json'), ['unknown option --json'])
  assert.deepEqual(problems('run', '-v'), ['unknown option -v'])
})

test('a value is neither left out, nor given twice, nor taken from the next option', () => {
  assert.deepEqual(problems('detach', '--timeout'), ['--timeout needs a value'])
  assert.deepEqual(problems('detach', '--timeout', '--json'), ['--timeout needs a value'])
  assert.deepEqual(problems('detach', '--timeout', '1', '--timeout', '2'), [
    '--timeout is given twice',
  ])
  for (const value of ['0', '86401', '1s', '1.5']) {
    assert.deepEqual(problems('detach', `--timeout=${value}`), [
      '--timeout must be a whole number from 1 to 86400',
    ])
  }
})

test('an unknown command names those that there are', () => {
  assert.deepEqual(problems('reply'), [
    'unknown command reply: there are run, check, replay, detach',
  ])
})

test('no problem shows a secret', () => {
  const all = [
    ...problems('check', '--management', 'amqp://u:hidden-secret@host'),
    ...problems('amqp://u:hidden-secret@host'),
    ...problems('check', 'amqp://u:hidden-secret@host'),
  ]
  assert.equal(all.length, 3)
  assert.doesNotMatch(all.join(), /hidden-secret/)
})

test('help is of the whole or of one command, however it is asked for', () => {
  const whole = helpFor(['--help'])
  for (const args of [['help'], ['-h'], ['--json', '--help']]) assert.equal(helpFor(args), whole)
  for (const name of COMMANDS) {
    assert.ok(whole?.includes(`\n  ${name} `), name)
    const text = helpFor([name, '--help'])
    assert.notEqual(text, whole)
    assert.ok(text?.startsWith('Usage: node relay/main.ts '), name)
    assert.match(text ?? '', /Exit codes: 0 /)
    assert.equal(helpFor(['help', name]), text)
    assert.equal(helpFor([name]), undefined)
  }
})

test('every option that help names is known, and the other way round', () => {
  const sample: Record<string, string> = { json: '', 'dry-run': '', header: '=x=y' }
  for (const name of COMMANDS) {
    const named = [...(helpFor([name, '--help']) ?? '').matchAll(/^ {2}--([a-z-]+)/gm)]
    for (const [, option = ''] of named) {
      const value = sample[option] ?? (option === 'management' ? '=http://h' : '=1')
      assert.deepEqual(problems(name, `--${option}${value}`), [], `${name} --${option}`)
    }
    const count = { run: 0, check: 2, replay: 7, detach: 2 }[name]
    assert.equal(named.length, count, name)
  }
})
