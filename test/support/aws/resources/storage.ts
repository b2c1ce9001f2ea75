import { randomInt, randomUUID } from 'node:crypto'
import { type Account, arnOf, type Role, type Secret, type Statement } from '../account.ts'
import type { ResourceType, Wanted } from '../cloudformation/resource-type.ts'
import { AwsError, unknown } from '../errors.ts'
import { createSecret, currentValue, putValue } from '../services/secrets.ts'

/** A name as CloudFormation makes one up. */
const named = ({ stackName, logicalId }: Wanted) =>
  `${stackName}-${logicalId}-${randomUUID().slice(0, 12)}`

const bucket: ResourceType = {
  create: (wanted) => {
    const id = String(wanted.properties['BucketName'] ?? named(wanted)).toLowerCase()
    wanted.account.buckets.set(id, new Map())
    return { id, attributes: { Arn: `arn:aws:s3:::${id}` } }
  },
  update: (_wanted, made) => made,
  remove: ({ account }, { id }) => {
    if ((account.buckets.get(id)?.size ?? 0) > 0) {
      throw new AwsError('BucketNotEmpty', 'The bucket you tried to delete is not empty')
    }
    account.buckets.delete(id)
  },
}

const logGroup: ResourceType = {
  create: (wanted) => {
    const id = String(wanted.properties['LogGroupName'] ?? named(wanted))
    if (wanted.account.logs.has(id)) {
      throw new AwsError(
        'ResourceAlreadyExistsException',
        `Resource of type 'AWS::Logs::LogGroup' with identifier '${id}' already exists.`,
      )
    }
    wanted.account.logs.set(id, [])
    return { id, attributes: { Arn: `${arnOf(wanted.account, 'logs', `log-group:${id}`)}:*` } }
  },
  update: (_wanted, made) => made,
  remove: ({ account }, { id }) => void account.logs.delete(id),
}

/** Amazon's own policies that functions may have. */
const MANAGED: Readonly<Record<string, readonly Statement[]>> = {
  AWSLambdaVPCAccessExecutionRole: [
    {
      Effect: 'Allow',
      Action: ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
      Resource: '*',
    },
  ],
}

interface InlinePolicy {
  readonly PolicyName: string
  readonly PolicyDocument: { readonly Statement: readonly Statement[] }
}

/** The policies that a role has by itself, by their names; those of others are left as they are. */
function setOwnPolicies({ properties }: Wanted, { policies }: Role): void {
  for (const name of policies.keys()) if (name.startsWith('own ')) policies.delete(name)
  for (const { PolicyName, PolicyDocument } of (properties['Policies'] ?? []) as InlinePolicy[]) {
    policies.set(`own ${PolicyName}`, PolicyDocument.Statement)
  }
  for (const arn of (properties['ManagedPolicyArns'] ?? []) as string[]) {
    policies.set(`own ${arn}`, MANAGED[arn.split('/').at(-1) ?? ''] ?? [])
  }
}

const role: ResourceType = {
  create: (wanted) => {
    const id = String(wanted.properties['RoleName'] ?? named(wanted))
    const arn = `arn:aws:iam::${wanted.account.id}:role/${id}`
    const made: Role = { arn, policies: new Map() }
    setOwnPolicies(wanted, made)
    wanted.account.roles.set(id, made)
    return { id, attributes: { Arn: arn, RoleId: `AROA${id}` } }
  },
  update: (wanted, made) => {
    setOwnPolicies(wanted, wanted.account.roles.get(made.id) as Role)
    return made
  },
  remove: ({ account }, { id }) => void account.roles.delete(id),
}

/** A policy that is added to roles which are there. */
const policy: ResourceType = {
  create: (wanted) => {
    const id = named(wanted)
    attach(wanted, id)
    return { id, attributes: { Id: id } }
  },
  update: (wanted, made) => {
    attach(wanted, made.id)
    return made
  },
  remove: ({ account }, { id }) => {
    for (const { policies } of account.roles.values()) policies.delete(id)
  },
}

function attach({ account, properties }: Wanted, id: string): void {
  const { PolicyDocument } = properties as unknown as InlinePolicy
  const names = (properties['Roles'] ?? []) as string[]
  const missing = names.find((name) => !account.roles.has(name))
  if (missing !== undefined) throw new AwsError('NoSuchEntity', `there is no role ${missing}`)
  for (const { policies } of account.roles.values()) policies.delete(id)
  for (const name of names) account.roles.get(name)?.policies.set(id, PolicyDocument.Statement)
}

const secret: ResourceType = {
  create: (wanted) => {
    const { account, properties, stackName, stackId, logicalId } = wanted
    const tags = {
      'aws:cloudformation:stack-name': stackName,
      'aws:cloudformation:stack-id': stackId,
      'aws:cloudformation:logical-id': logicalId,
    }
    const made = createSecret(account, String(properties['Name'] ?? named(wanted)), tags)
    const value = textOf(properties)
    if (value !== undefined) putValue(made, value, randomUUID(), ['AWSCURRENT'])
    return { id: made.arn, attributes: { Id: made.arn } }
  },
  // CloudFormation writes a value again when the template's text of it has changed.
  update: ({ account, properties }, made, before) => {
    const value = textOf(properties)
    const changed = ['SecretString', 'GenerateSecretString'].some(
      (name) => JSON.stringify(properties[name]) !== JSON.stringify(before[name]),
    )
    if (value !== undefined && changed) {
      putValue(account.secrets.get(made.id) as Secret, value, randomUUID(), ['AWSCURRENT'])
    }
    return made
  },
  remove: ({ account }, { id }) => void account.secrets.delete(id),
}

interface Generate {
  readonly SecretStringTemplate?: string
  readonly GenerateStringKey?: string
  readonly PasswordLength?: number
  readonly ExcludePunctuation?: boolean
}

function textOf({ SecretString, GenerateSecretString }: Wanted['properties']): string | undefined {
  if (GenerateSecretString === undefined) return SecretString as string | undefined
  const {
    SecretStringTemplate = '{}',
    GenerateStringKey,
    ...how
  } = GenerateSecretString as Generate
  const { PasswordLength = 32, ExcludePunctuation, ...more } = how
  if (Object.keys(more).length > 0) throw unknown(`GenerateSecretString: ${Object.keys(more)}`)
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
  const all = ExcludePunctuation ? letters : `${letters}!"#$%&'()*+,-./:;<=>?@[\\]^_{|}~`
  const characters = Array.from({ length: PasswordLength }, () => all[randomInt(all.length)])
  if (GenerateStringKey === undefined) return characters.join('')
  return JSON.stringify({
    ...JSON.parse(SecretStringTemplate),
    [GenerateStringKey]: characters.join(''),
  })
}

/**
 * A text with its dynamic references done: `{{resolve:secretsmanager:<arn>:SecretString:<key>}}`.
 * @throws {AwsError} there is no such value
 */
export function withSecrets(account: Account, text: string): string {
  return text.replace(/\{\{resolve:([^}]+)\}\}/g, (reference, path: string) => {
    const [, id, key] = /^secretsmanager:(arn:.+):SecretString:(\w+)$/.exec(path) ?? []
    const found = account.secrets.get(id ?? '')
    const value = found && currentValue(found)
    const member = value === undefined ? undefined : JSON.parse(value)[key ?? '']
    if (typeof member !== 'string')
      throw new AwsError('ValidationError', `cannot resolve ${reference}`)
    return member
  })
}

export const storageTypes: Readonly<Record<string, ResourceType>> = {
  'AWS::S3::Bucket': bucket,
  'AWS::Logs::LogGroup': logGroup,
  'AWS::IAM::Role': role,
  'AWS::IAM::Policy': policy,
  'AWS::SecretsManager::Secret': secret,
}
