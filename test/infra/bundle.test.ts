import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bundle, eagerModules } from '#infra/plugins/bundle.ts'
import { type ZipEntry, zip } from '#infra/plugins/zip.ts'

const FUNCTIONS = join(import.meta.dirname, '..', '..', 'functions')
const NAMES = readdirSync(FUNCTIONS).filter((name) =>
  existsSync(join(FUNCTIONS, name, 'handler.ts')),
)
const entryOf = (name: string) => join(FUNCTIONS, name, 'handler.ts')

/** Packages whose modules run when the bundle is loaded. */
async function eagerPackages(name: string): Promise<Set<string>> {
  const { metafile } = await bundle(entryOf(name))
  const packages = eagerModules(metafile).map(
    (path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1],
  )
  return new Set(packages.filter((found) => found !== undefined))
}

test('the publish function loads amqplib at its start and no AWS SDK', async () => {
  const packages = await eagerPackages('publish')
  assert.ok(packages.has('amqplib'))
  assert.deepEqual(sdk(packages), [])
})

test('the authorizer loads neither amqplib nor the AWS SDK at its start', async () => {
  const packages = await eagerPackages('authorizer')
  assert.ok(packages.has('@middy/core'))
  assert.ok(!packages.has('amqplib'))
  assert.deepEqual(sdk(packages), [])
})

const sdk = (packages: Set<string>) =>
  [...packages].filter((name) => /^@(aws-sdk|smithy)\//.test(name))

test('the SDK lies beside the bundle, for when a secret is read', async () => {
  const { code, beside, metafile } = await bundle(entryOf('publish'))
  assert.deepEqual(
    beside.map(({ name }) => name),
    ['secrets-sdk.cjs'],
  )
  assert.match(String(code), /require\("\.\/secrets-sdk\.cjs"\)/)
  assert.deepEqual(sdk(new Set(Object.keys(metafile.inputs))), [])
})

test('the SDK takes its credentials from where Lambda puts them', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'warren-bundle-'))
  t.after(() => rm(folder, { recursive: true }))
  const [{ name, content }] = (await bundle(entryOf('publish'))).beside as [ZipEntry]
  await writeFile(join(folder, name), content)
  const ask = `new (require('./${name}').SecretsManagerClient)({}).config.credentials()
    .then(({ accessKeyId, secretAccessKey, sessionToken }) => console.log(accessKeyId, secretAccessKey, sessionToken))`
  const env = {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'key',
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'session',
  }
  const printed = execFileSync(process.execPath, ['--eval', ask], { cwd: folder, env })
  assert.equal(String(printed), 'key secret session\n')
})

test("the publish function's zip has at most 300 kB", async () => {
  const { code, beside } = await bundle(entryOf('publish'))
  assert.ok(zip([{ name: 'handler.cjs', content: code }, ...beside]).length <= 300_000)
})

test('a bundle runs by itself, far from any node_modules', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'warren-bundle-'))
  t.after(() => rm(folder, { recursive: true }))
  for (const name of NAMES) {
    const file = join(folder, `${name}.cjs`)
    await writeFile(file, (await bundle(entryOf(name))).code)
    const type = execFileSync(process.execPath, [
      '--print',
      `typeof require(${JSON.stringify(file)}).handler`,
    ])
    assert.equal(String(type).trim().split('\n').at(-1), 'function', name)
  }
})
