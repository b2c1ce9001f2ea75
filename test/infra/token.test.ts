import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import { type TestContext, test } from 'node:test'
import { promisify } from 'node:util'
import { digestOf, findToken, parseTokens } from '#lib/auth/tokens.ts'

const run = promisify(execFile)
const MAIN = new URL('../../infra/token/main.ts', import.meta.url).pathname

interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs `npm run token -- …` without npm. */
async function token(env: Record<string, string>, ...args: string[]): Promise<Ended> {
  try {
    return { code: 0, ...(await run(process.execPath, [MAIN, ...args], { env })) }
  } catch (error) {
    return error as Ended
  }
}

async function newHome(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'warren-token-'))
  t.after(() => rm(home, { recursive: true }))
  return home
}

test('a new token is printed once; its digest and scopes are kept where only the owner reads', async (t) => {
  const home = await newHome(t)
  const made = await token(
    { WARREN_HOME: home },
    'new',
    'billing',
    '--publish',
    'orders:eu.*,us.#',
    '--publish',
    'refunds',
  )
  assert.equal(made.code, 0, made.stderr)
  const [secret = ''] = made.stdout.split('\n')
  assert.match(secret, /^wt_[\w-]{43}$/)
  const file = join(home, 'tokens.json')
  const text = await readFile(file, 'utf8')
  assert.ok(!text.includes(secret))
  assert.equal((await stat(file)).mode & 0o777, 0o600)
  const found = findToken(parseTokens('test', text), secret, Date.now())
  assert.equal(found?.name, 'billing')
  assert.deepEqual(found?.publish, [
    { exchange: 'orders', routingKeys: ['eu.*', 'us.#'] },
    { exchange: 'refunds' },
  ])
})

test('list shows names, scopes and the beginning of each digest; revoke takes either', async (t) => {
  const env = { WARREN_HOME: await newHome(t) }
  assert.equal((await token(env, 'list')).stdout, 'There are no tokens.\n')
  const old = await token(env, 'new', 'erp', '--publish', '*')
  await token(env, 'new', 'erp', '--publish', '*', '--not-after', '2030-01-01T00:00:00Z')
  const digest = digestOf(old.stdout.split('\n')[0] as string)
    .toString('hex')
    .slice(0, 8)
  const listed = (await token(env, 'list')).stdout
  assert.match(listed, new RegExp(`^erp  ${digest}  publish \\*\\n`))
  assert.match(listed, /until 2030-01-01T00:00:00Z/)
  assert.equal((await token(env, 'revoke', digest)).code, 0)
  assert.equal((await token(env, 'list')).stdout.split('\n').length, 2)
  assert.equal((await token(env, 'revoke', 'erp')).code, 0)
  assert.equal((await token(env, 'revoke', 'erp')).code, 2)
})

test('what is wrong is said in plain words, and nothing is written', async (t) => {
  const home = await newHome(t)
  const env = { WARREN_HOME: home }
  const cases = [
    ['new', 'billing'],
    ['new', 'a b', '--publish', 'x'],
    ['new', 'billing', '--publish', 'x', '--not-after', 'tomorrow'],
    ['new', 'billing', '--publish', 'x', '--file', 'a', '--stage', 'b'],
    ['new', 'billing', '--scope', 'x'],
    ['destroy'],
    [],
  ]
  for (const args of cases) {
    const { code, stderr } = await token(env, ...args)
    assert.equal(code, 2, args.join(' '))
    assert.doesNotMatch(stderr, /at .*\.ts:/)
  }
  assert.equal((await token(env, 'list')).stdout, 'There are no tokens.\n')
})

test('--stage finds the stage’s secret by its tags and replaces its value', async (t) => {
  let value = '{"tokens":[]}'
  const arn = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:ApiTokensSecret-abc'
  const tag = (Key: string, Value: string) => ({ Key: `aws:cloudformation:${Key}`, Value })
  const SecretList = [
    {
      ARN: `${arn}-other`,
      Tags: [tag('stack-name', 'warren-prod'), tag('logical-id', 'AmqpUrlSecret')],
    },
    {
      ARN: arn,
      Name: 'tokens',
      Tags: [tag('stack-name', 'warren-prod'), tag('logical-id', 'ApiTokensSecret')],
    },
  ]
  const server = createServer(async (request, response) => {
    const asked = (await json(request)) as { SecretId?: string; SecretString?: string }
    const action = String(request.headers['x-amz-target']).split('.')[1]
    if (action === 'PutSecretValue' && asked.SecretId === arn) value = asked.SecretString ?? ''
    const answers: Record<string, unknown> = {
      ListSecrets: { SecretList },
      GetSecretValue: { ARN: arn, SecretString: value },
      PutSecretValue: { ARN: arn },
    }
    response.setHeader('content-type', 'application/x-amz-json-1.1')
    response.end(JSON.stringify(answers[action ?? '']))
  })
  t.after(() => void server.close())
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const env = {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${(server.address() as { port: number }).port}`,
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  }
  const made = await token(env, 'new', 'billing', '--publish', 'orders', '--stage', 'prod')
  assert.equal(made.code, 0, made.stderr)
  assert.equal(parseTokens('test', value)[0]?.name, 'billing')
  assert.match((await token(env, 'list', '--stage', 'prod')).stdout, /^billing/)
  const missing = await token(env, 'list', '--stage', 'dev')
  assert.equal(missing.code, 2)
  assert.match(missing.stderr, /no stack warren-dev/)
})
