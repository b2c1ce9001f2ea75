import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { entriesOf, NO_TOKENS, type TokenEntry } from '#infra/token/token-list.ts'
import { digestOf } from '#lib/auth/tokens.ts'
import { type Credentials, parseCredentials, SERVICE_USER } from './credentials.ts'
import { renderDefinitions } from './definitions.ts'

/**
 * What is where below the folder: `credentials/` is for setup alone, `broker/` for the broker,
 * `services/` for the gateway and the relays. Each is a volume of its own, so that nobody has more
 * than he needs.
 */
const CREDENTIALS = 'credentials/credentials.json'
const DEFINITIONS = 'broker/definitions.json'
const AMQP_URL = 'services/amqp-url'
const TOKENS = 'services/tokens.json'

/** Name of the token of API_TOKEN in the list of tokens; the others are the operator's. */
const DEFAULT_TOKEN = 'default'

/** @throws {ConfigError} */
export function readCredentials(folder: string): Partial<Credentials> {
  const file = join(folder, CREDENTIALS)
  return existsSync(file) ? parseCredentials(readFileSync(file, 'utf8')) : {}
}

/**
 * Writes everything that the other services read.
 * @param broker `host:port` where they reach the broker
 */
export function writeFiles(folder: string, credentials: Credentials, broker: string): void {
  const { user, pass, servicePass } = credentials
  write(folder, CREDENTIALS, `${JSON.stringify(credentials)}\n`, 0o600)
  // Hashes only; the broker reads them as a user of its own.
  const definitions = renderDefinitions([
    { name: user, pass, isAdministrator: true },
    { name: SERVICE_USER, pass: servicePass, isAdministrator: false },
  ])
  write(folder, DEFINITIONS, definitions, 0o644)
  write(folder, AMQP_URL, `amqp://${SERVICE_USER}:${servicePass}@${broker}/%2F\n`, 0o400)
  write(folder, TOKENS, withDefaultToken(readTokens(folder), credentials.apiToken), 0o600)
}

function readTokens(folder: string): string {
  const file = join(folder, TOKENS)
  return existsSync(file) ? readFileSync(file, 'utf8') : NO_TOKENS
}

function withDefaultToken(text: string, token: string): string {
  const own: TokenEntry = {
    name: DEFAULT_TOKEN,
    sha256: digestOf(token).toString('hex'),
    publish: [{ exchange: '*' }],
  }
  const others = entriesOf(text).filter(({ name }) => name !== DEFAULT_TOKEN)
  return `${JSON.stringify({ tokens: [own, ...others] }, null, 2)}\n`
}

/** A reader sees the old file or the new one, never half of one. */
function write(folder: string, name: string, content: string, mode: number): void {
  const file = join(folder, name)
  mkdirSync(join(file, '..'), { recursive: true })
  writeFileSync(`${file}.new`, content, { mode })
  renameSync(`${file}.new`, file)
}
