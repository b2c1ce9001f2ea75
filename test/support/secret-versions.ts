import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { Ending } from './ending.ts'

/** A Secrets Manager on loopback that knows versions and their labels, as a rotation needs them. */
export interface SecretVersions {
  /** For the environment of other processes. */
  readonly env: Readonly<Record<string, string>>
  /** Makes a secret, without a value unless one is given; gives its ARN. */
  create(name: string, value?: string): string
  /** The current value. */
  value(arn: string): string | undefined
  /** How often a value was written. */
  writes(arn: string): number
  /** Rotates as AWS does: the four steps with one token. Gives the token. */
  rotate(arn: string, rotate: (event: RotationEvent) => Promise<void>): Promise<string>
}

export interface RotationEvent {
  readonly Step: 'createSecret' | 'setSecret' | 'testSecret' | 'finishSecret'
  readonly SecretId: string
  readonly ClientRequestToken: string
}

interface Version {
  readonly text: string | undefined
  readonly stages: Set<string>
}

type Secret = Map<string, Version>
type Command = Readonly<Record<string, string>> & { readonly VersionStages?: readonly string[] }

const CURRENT = 'AWSCURRENT'
const STEPS = ['createSecret', 'setSecret', 'testSecret', 'finishSecret'] as const

/** Starts one, and points this process's SDK to it. */
export async function startSecretVersions(ending: Ending): Promise<SecretVersions> {
  const secrets = new Map<string, Secret>()
  const server = createServer((request, response) => void serve(secrets, request, response))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const env = {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  }
  Object.assign(process.env, env)
  const of = (arn: string) => secrets.get(arn) ?? new Map<string, Version>()
  return {
    env,
    create: (name, value) => {
      const arn = `arn:aws:secretsmanager:eu-west-1:123456789012:secret:${name}-AbCdEf`
      secrets.set(arn, new Map())
      if (value !== undefined) put(of(arn), { SecretString: value })
      return arn
    },
    value: (arn) => withStage(of(arn), CURRENT)?.text,
    writes: (arn) => [...of(arn).values()].filter((version) => version.text !== undefined).length,
    rotate: async (arn, rotate) => {
      const token = randomUUID()
      of(arn).set(token, { text: undefined, stages: new Set(['AWSPENDING']) })
      for (const Step of STEPS) await rotate({ Step, SecretId: arn, ClientRequestToken: token })
      return token
    },
  }
}

async function serve(
  secrets: Map<string, Secret>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const command = JSON.parse(await text(request)) as Command
  const secret = secrets.get(command['SecretId'] ?? '')
  const [, action = ''] = String(request.headers['x-amz-target']).split('.')
  const answer = secret === undefined ? MISSING : (ACTIONS[action]?.(secret, command) ?? {})
  response.writeHead('__type' in answer ? 400 : 200, {
    'content-type': 'application/x-amz-json-1.1',
  })
  response.end(JSON.stringify(answer))
}

const MISSING = { __type: 'ResourceNotFoundException', message: 'not there' }
const INVALID = { __type: 'InvalidParameterException', message: 'the label is elsewhere' }

const ACTIONS: Readonly<Record<string, (secret: Secret, command: Command) => object>> = {
  GetSecretValue: (secret, { VersionId, VersionStage = CURRENT }) => {
    const version = VersionId ? secret.get(VersionId) : withStage(secret, VersionStage)
    const isFound = version?.text !== undefined && version.stages.has(VersionStage)
    return isFound ? { SecretString: version.text } : MISSING
  },
  PutSecretValue: put,
  DescribeSecret: (secret) => {
    const labels = [...secret].map(([id, { stages }]) => [id, [...stages]])
    return { RotationEnabled: true, VersionIdsToStages: Object.fromEntries(labels) }
  },
  UpdateSecretVersionStage: (secret, command) => {
    const { VersionStage = '', MoveToVersionId = '', RemoveFromVersionId } = command
    const from = withStage(secret, VersionStage)
    if (from !== undefined && from !== secret.get(RemoveFromVersionId ?? '')) return INVALID
    label(secret, MoveToVersionId, VersionStage)
    return {}
  },
}

function put(secret: Secret, command: Command): object {
  const { ClientRequestToken: id = randomUUID(), SecretString, VersionStages = [CURRENT] } = command
  const { stages = new Set<string>() } = secret.get(id) ?? {}
  secret.set(id, { text: SecretString, stages })
  for (const stage of VersionStages) label(secret, id, stage)
  return { VersionId: id }
}

/** Gives the label to this version and takes it from the one that had it. */
function label(secret: Secret, id: string, stage: string): void {
  const former = withStage(secret, stage)
  former?.stages.delete(stage)
  secret.get(id)?.stages.add(stage)
  if (stage === CURRENT && former !== undefined) former.stages.add('AWSPREVIOUS')
}

const withStage = (secret: Secret, stage: string) =>
  [...secret.values()].find(({ stages }) => stages.has(stage))
