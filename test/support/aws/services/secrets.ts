import { randomUUID } from 'node:crypto'
import { type Account, arnOf, type Secret } from '../account.ts'
import { AwsError, unknown } from '../errors.ts'
import { authorize } from '../policy.ts'
import { type Input, jsonService, type Service } from '../protocols.ts'

const CURRENT = 'AWSCURRENT'
const PREVIOUS = 'AWSPREVIOUS'

/** AWS Secrets Manager: each call is allowed by the role of whoever makes it, or refused. */
export function secretsManager(account: Account): Service {
  const find = (input: Input, key: string, action: string): Secret => {
    const id = String(input['SecretId'])
    const secret = [...account.secrets.values()].find(({ arn, name }) => id === arn || id === name)
    authorize(account, key, `secretsmanager:${action}`, secret?.arn ?? id)
    if (secret === undefined) throw new AwsError('ResourceNotFoundException', `no secret ${id}`)
    return secret
  }
  return jsonService({
    GetSecretValue: (input, key) => {
      const secret = find(input, key, 'GetSecretValue')
      const stage = String(input['VersionStage'] ?? CURRENT)
      const version = String(input['VersionId'] ?? secret.stages.get(stage))
      const SecretString = secret.versions.get(version)
      if (SecretString === undefined) {
        const what = `Secrets Manager can't find the specified secret value for staging label: ${stage}`
        throw new AwsError('ResourceNotFoundException', what)
      }
      return { ARN: secret.arn, Name: secret.name, VersionId: version, SecretString }
    },
    PutSecretValue: (input, key) => {
      const secret = find(input, key, 'PutSecretValue')
      const stages = (input['VersionStages'] ?? [CURRENT]) as string[]
      const version = String(input['ClientRequestToken'] ?? randomUUID())
      putValue(secret, String(input['SecretString']), version, stages)
      return { ARN: secret.arn, Name: secret.name, VersionId: version, VersionStages: stages }
    },
    DescribeSecret: (input, key) => {
      const { arn, name, stages, tags } = find(input, key, 'DescribeSecret')
      const VersionIdsToStages: Record<string, string[]> = {}
      for (const [stage, id] of stages)
        VersionIdsToStages[id] = [...(VersionIdsToStages[id] ?? []), stage]
      return { ARN: arn, Name: name, RotationEnabled: true, VersionIdsToStages, Tags: toTags(tags) }
    },
    UpdateSecretVersionStage: (input, key) => {
      const secret = find(input, key, 'UpdateSecretVersionStage')
      moveStage(secret, String(input['VersionStage']), input)
      return { ARN: secret.arn, Name: secret.name }
    },
    ListSecrets: (input) => {
      const filters = (input['Filters'] ?? []) as { Key: string; Values: string[] }[]
      if (filters.some(({ Key }) => Key !== 'tag-value'))
        throw unknown('secretsmanager: this filter')
      const wanted = filters.flatMap(({ Values }) => Values)
      const found = [...account.secrets.values()].filter(({ tags }) =>
        wanted.every((value) => Object.values(tags).includes(value)),
      )
      const SecretList = found.map(({ arn, name, tags }) => ({
        ARN: arn,
        Name: name,
        Tags: toTags(tags),
      }))
      return { SecretList }
    },
  })
}

const toTags = (tags: Secret['tags']) =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }))

/** Adds a version; the stage `AWSCURRENT` takes the one before to `AWSPREVIOUS`. */
export function putValue(secret: Secret, text: string, version: string, stages: readonly string[]) {
  secret.versions.set(version, text)
  for (const stage of stages) setStage(secret, stage, version)
}

function moveStage(secret: Secret, stage: string, input: Input): void {
  const [to, from] = [input['MoveToVersionId'], input['RemoveFromVersionId']]
  if (from !== undefined && secret.stages.get(stage) !== from) {
    throw new AwsError('InvalidParameterException', `${stage} is not on the version ${from}`)
  }
  if (to === undefined) secret.stages.delete(stage)
  else setStage(secret, stage, String(to))
}

function setStage({ stages }: Secret, stage: string, version: string): void {
  const before = stages.get(stage)
  if (stage === CURRENT && before !== undefined && before !== version) stages.set(PREVIOUS, before)
  stages.set(stage, version)
}

/** A secret without a value. Its ARN ends as on AWS, in a hyphen and six characters. */
export function createSecret(account: Account, name: string, tags: Secret['tags']): Secret {
  const arn = arnOf(account, 'secretsmanager', `secret:${name}-${randomUUID().slice(0, 6)}`)
  const secret: Secret = { arn, name, tags, versions: new Map(), stages: new Map() }
  account.secrets.set(arn, secret)
  return secret
}

/** The current text of a secret. */
export const currentValue = ({ versions, stages }: Secret) =>
  versions.get(stages.get(CURRENT) ?? '')
