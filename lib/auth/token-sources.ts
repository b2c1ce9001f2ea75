import { readFile } from 'node:fs/promises'
import { ConfigError, type HttpSettings, readSecretFile } from '#lib/config.ts'
import { secretReader } from '#lib/secrets.ts'
import { apiToken } from './api-token.ts'
import type { TokenSource } from './token-set.ts'
import { parseTokens, type Token } from './tokens.ts'

type Settings = Pick<HttpSettings, 'apiToken' | 'apiTokensFile' | 'apiTokensSecretArn'>

/** What {@link createTokenSet} merges. */
export interface Sources {
  /** Tokens that never change. */
  readonly fixed: readonly Token[]
  readonly sources: readonly TokenSource[]
}

/**
 * Where the settings say that tokens are: `API_TOKEN`, `API_TOKENS_FILE`, `API_TOKENS_SECRET_ARN`, or several.
 * @param loopbackOnly every listener is on a loopback address; a weak API_TOKEN is then accepted
 * @throws {ConfigError} none of them, a bad API_TOKEN, or a file that cannot be read or is not valid now
 */
export function tokenSources(settings: Settings, loopbackOnly: boolean): Sources {
  const { apiToken: token, apiTokensFile: file, apiTokensSecretArn: arn } = settings
  if (token === undefined && file === undefined && arn === undefined) {
    throw new ConfigError(['API_TOKEN, API_TOKENS_FILE or API_TOKENS_SECRET_ARN must be set'])
  }
  const fixed = token === undefined ? [] : [apiToken(token, loopbackOnly)]
  const sources: TokenSource[] = []
  if (file !== undefined) sources.push(fileSource(file))
  if (arn !== undefined) sources.push(secretSource(arn))
  return { fixed, sources }
}

function fileSource(file: string): TokenSource {
  const name = 'API_TOKENS_FILE'
  // Wrong from the beginning is a wrong setting; later it is an outage, which the last good set bridges.
  parseTokens(name, readSecretFile(name, file))
  return { name, read: async () => parseTokens(name, await readFile(file, 'utf8')) }
}

function secretSource(arn: string): TokenSource {
  const read = secretReader(arn)
  return {
    name: 'API_TOKENS_SECRET_ARN',
    read: async (deadline) => parseTokens('API_TOKENS_SECRET_ARN', await read(deadline)),
  }
}
