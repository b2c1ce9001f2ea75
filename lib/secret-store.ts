import { loadSecretsManager } from './secrets.ts'

/** A version of a secret's value: the token it was written with, and the label it must still have. */
export interface SecretVersion {
  readonly id: string
  readonly stage: string
}

/** Secrets in AWS Secrets Manager that we write ourselves. Every call ends within 5 s, or throws. */
export interface SecretStore {
  /** The text; undefined: there is none (yet). @param version @default the current one */
  read(arn: string, version?: SecretVersion): Promise<string | undefined>
  /** Writes a version; the same one written twice is there once. @param version @default a new current one */
  write(arn: string, text: string, version?: SecretVersion): Promise<void>
  /** Labels by the ids of the versions. */
  stages(arn: string): Promise<Readonly<Record<string, readonly string[]>>>
  /** Moves the label `AWSCURRENT` from one version to another. */
  makeCurrent(arn: string, id: string, instead: string | undefined): Promise<void>
}

const ANSWER_MS = 5000

/** The SDK is loaded with the first call. */
export function createSecretStore(): SecretStore {
  const options = () => ({ abortSignal: AbortSignal.timeout(ANSWER_MS) })
  return {
    read: async (arn, version) => {
      const { sdk, client } = await loadSecretsManager(arn)
      const which = version && { VersionId: version.id, VersionStage: version.stage }
      const command = new sdk.GetSecretValueCommand({ SecretId: arn, ...which })
      try {
        return (await client.send(command, options())).SecretString
      } catch (error) {
        if (error instanceof sdk.ResourceNotFoundException) return undefined
        throw error
      }
    },
    write: async (arn, SecretString, version) => {
      const { sdk, client } = await loadSecretsManager(arn)
      const which = version && { ClientRequestToken: version.id, VersionStages: [version.stage] }
      const command = new sdk.PutSecretValueCommand({ SecretId: arn, SecretString, ...which })
      await client.send(command, options())
    },
    stages: async (arn) => {
      const { sdk, client } = await loadSecretsManager(arn)
      const command = new sdk.DescribeSecretCommand({ SecretId: arn })
      return (await client.send(command, options())).VersionIdsToStages ?? {}
    },
    makeCurrent: async (arn, MoveToVersionId, RemoveFromVersionId) => {
      const { sdk, client } = await loadSecretsManager(arn)
      const command = new sdk.UpdateSecretVersionStageCommand({
        SecretId: arn,
        VersionStage: 'AWSCURRENT',
        MoveToVersionId,
        RemoveFromVersionId,
      })
      await client.send(command, options())
    },
  }
}
