import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { ConfigError } from '#lib/config.ts'
import { describeError } from '#lib/log.ts'
import { fileStore, secretStore, type TokenStore } from './stores.ts'
import { describeEntry, entriesOf, withNewToken, withoutToken } from './token-list.ts'

const USAGE = `Tokens with which callers may publish. Only their digests are kept.

npm run token -- new NAME --publish EXCHANGE[:KEYS] [--publish …] [--not-after TIME]
npm run token -- list
npm run token -- revoke NAME | DIGEST

  EXCHANGE     a name; * stands for any characters
  KEYS         AMQP topic patterns, separated by commas; none means every routing key
  TIME         e.g. 2027-01-31T00:00:00Z
  --file FILE  the list of tokens (the setting API_TOKENS_FILE); default: the one of npm start
  --stage S    the list of the stage S on AWS

A new or revoked token takes effect within 60 seconds.`

const OPTIONS = {
  publish: { type: 'string', multiple: true, default: [] as string[] },
  'not-after': { type: 'string' },
  file: { type: 'string' },
  stage: { type: 'string' },
  help: { type: 'boolean', default: false },
} as const

type Values = ReturnType<typeof parse>['values']

const parse = () => parseArgs({ allowPositionals: true, options: OPTIONS })

async function storeOf({ file, stage }: Values): Promise<TokenStore> {
  if (stage !== undefined && file !== undefined) {
    throw new ConfigError(['--file and --stage exclude each other'])
  }
  if (stage !== undefined) return secretStore(`warren-${stage}`)
  const path = file ?? (await localFile())
  mkdirSync(dirname(path), { recursive: true })
  return fileStore(path)
}

/** Containers have no local stack: what belongs to it is loaded only where it is needed. */
async function localFile(): Promise<string> {
  const { readHome } = await import('#infra/local/settings.ts')
  return join(readHome(process.env), 'tokens.json')
}

async function newToken(name: string, values: Values): Promise<void> {
  const store = await storeOf(values)
  const notAfter = values['not-after']
  const wanted = { name, publish: values.publish, ...(notAfter === undefined ? {} : { notAfter }) }
  const { text, token } = withNewToken(await store.read(), wanted)
  await store.write(text)
  console.log(
    `${token}\n\nThis is the only time that it is shown. Its digest is in ${store.where}.`,
  )
}

async function list(values: Values): Promise<void> {
  const entries = entriesOf(await (await storeOf(values)).read())
  for (const entry of entries) console.log(describeEntry(entry))
  if (entries.length === 0) console.log('There are no tokens.')
}

async function revoke(which: string, values: Values): Promise<void> {
  const store = await storeOf(values)
  const { text, count } = withoutToken(await store.read(), which)
  await store.write(text)
  console.log(`Revoked ${count === 1 ? 'one token' : `${count} tokens`} in ${store.where}.`)
}

async function main(): Promise<void> {
  const { values, positionals } = parse()
  const [command, name, ...more] = positionals
  if (values.help) console.log(USAGE)
  else if (command === 'new' && name !== undefined && more.length === 0)
    await newToken(name, values)
  else if (command === 'list' && name === undefined) await list(values)
  else if (command === 'revoke' && name !== undefined) await revoke(name, values)
  else throw new ConfigError([USAGE])
}

try {
  await main()
} catch (error) {
  process.stderr.write(`${describeError(error)}\n`)
  process.exitCode = error instanceof ConfigError || error instanceof TypeError ? 2 : 1
}
