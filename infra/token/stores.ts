import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { API_TOKENS_SECRET } from '#infra/secrets.ts'
import { ConfigError } from '#lib/config.ts'
import { NO_TOKENS } from './token-list.ts'

/** Where a list of tokens is kept. */
export interface TokenStore {
  /** For a person. */
  readonly where: string
  read(): Promise<string>
  write(text: string): Promise<void>
}

/** A file, readable by its owner alone; replaced as a whole, so that no reader ever sees half of it. */
export function fileStore(file: string): TokenStore {
  return {
    where: file,
    read: async () => {
      try {
        return readFileSync(file, 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return NO_TOKENS
        throw new ConfigError([`cannot read ${file}: ${(error as Error).message}`])
      }
    },
    write: async (text) => {
      writeFileSync(`${file}.new`, text, { mode: 0o600 })
      renameSync(`${file}.new`, file)
    },
  }
}

/**
 * The secret that a deployed stage's authorizer reads, found by the tags that CloudFormation gives
 * to everything it makes.
 * @throws {ConfigError} there is no such stage in this account and region
 */
export async function secretStore(stack: string): Promise<TokenStore> {
  const sdk = await import('@aws-sdk/client-secrets-manager')
  const client = new sdk.SecretsManagerClient({})
  const Filters = [{ Key: 'tag-value' as const, Values: [stack] }]
  const { SecretList = [] } = await client.send(new sdk.ListSecretsCommand({ Filters }))
  const found = SecretList.find(({ Tags = [] }) => {
    const tags = new Map(Tags.map(({ Key, Value }) => [Key, Value]))
    const isOurs = tags.get('aws:cloudformation:stack-name') === stack
    return isOurs && tags.get('aws:cloudformation:logical-id') === API_TOKENS_SECRET
  })
  const SecretId = found?.ARN
  if (SecretId === undefined) {
    throw new ConfigError([`no stack ${stack} with a secret of tokens in this account and region`])
  }
  return {
    where: `the secret ${found?.Name ?? SecretId}`,
    read: async () => {
      const { SecretString } = await client.send(new sdk.GetSecretValueCommand({ SecretId }))
      return SecretString ?? NO_TOKENS
    },
    write: async (SecretString) => {
      await client.send(new sdk.PutSecretValueCommand({ SecretId, SecretString }))
    },
  }
}
