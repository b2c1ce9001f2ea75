import { randomUUID } from 'node:crypto'
import type { Stack } from './cloudformation/stack.ts'
import { AwsError } from './errors.ts'
import type { DeployedFunction } from './functions.ts'
import type { RestApi } from './rest-api/api.ts'
import type { EcsService, TaskDefinition } from './tasks.ts'

/** An AWS account of one region, in memory: what the services of the stand-in work on. */
export interface Account {
  readonly id: string
  readonly region: string
  /** Of the stand-in itself: `AWS_ENDPOINT_URL`. */
  endpoint: string
  readonly buckets: Map<string, Map<string, StoredObject>>
  /** By ARN. */
  readonly secrets: Map<string, Secret>
  /** By name. */
  readonly roles: Map<string, Role>
  /** By name. */
  readonly functions: Map<string, DeployedFunction>
  /** Who may invoke which function, by id. */
  readonly permissions: Map<string, Permission>
  /** By name. */
  readonly stacks: Map<string, Stack>
  /** By id. */
  readonly apis: Map<string, RestApi>
  /** Image digests by tag, by repository. */
  readonly repositories: Map<string, Map<string, string>>
  /** By ARN. */
  readonly taskDefinitions: Map<string, TaskDefinition>
  readonly services: Map<string, EcsService>
  /** Exit codes of tasks that were run by hand, by ARN; undefined while they run. */
  readonly tasks: Map<string, number | undefined>
  /** Lines by log group. */
  readonly logs: Map<string, string[]>
  /** Where hosts on the internet are to be found here, as `host:port` to `host:port`. */
  readonly hosts: Readonly<Record<string, string>>
  /** What stands behind the brokers of Amazon MQ; without it none can be made. */
  readonly amazonMq: AmazonMq | undefined
  /** What the images run, by the last part of the repository's name; others are only noted down. */
  readonly programs: Readonly<Record<string, string>>
  /** The authority that signed for these hosts, as a PEM file; on AWS it is Amazon's own. */
  readonly caFile: string | undefined
  /** What Docker was asked to do, one line each. */
  readonly docker: string[]
  /** What ECR hands out to log in with. */
  readonly registryPassword: string
  /** Executions of functions at once that nobody has reserved. */
  unreserved: number
  /** Every call that was answered, as `<service>:<action>`. */
  readonly calls: string[]
}

export interface Permission {
  readonly functionName: string
  /** A service, e.g. `apigateway.amazonaws.com`. */
  readonly principal: string
  /** With wildcards. */
  readonly sourceArn: string
}

/** A RabbitMQ that plays every broker of Amazon MQ. */
export interface AmazonMq {
  /** Its name, as its certificate has it. */
  readonly host: string
  /** Where its ports are to be found here: only functions in a VPC reach them. */
  readonly hosts: Readonly<Record<string, string>>
  /** Makes the user that Amazon MQ makes with a broker. */
  createUser(name: string, password: string): Promise<void>
}

export interface StoredObject {
  readonly content: Buffer
  /** `x-amz-meta-*` and `content-type`. */
  readonly headers: Readonly<Record<string, string>>
  readonly modified: Date
}

export interface Secret {
  readonly arn: string
  readonly name: string
  readonly tags: Readonly<Record<string, string>>
  /** The texts by version, and which version each stage names. */
  readonly versions: Map<string, string>
  readonly stages: Map<string, string>
}

export interface Role {
  readonly arn: string
  /** By policy. */
  readonly policies: Map<string, readonly Statement[]>
}

/** Of an IAM policy; conditions are not known here. */
export interface Statement {
  readonly Effect: 'Allow' | 'Deny'
  readonly Action: string | readonly string[]
  readonly Resource: string | readonly string[]
}

/** What lies around an account. */
export type Surroundings = Partial<Pick<Account, 'hosts' | 'amazonMq' | 'caFile' | 'programs'>>

export const createAccount = ({
  hosts = {},
  amazonMq,
  caFile,
  programs = {},
}: Surroundings): Account => ({
  id: '123456789012',
  region: 'eu-west-1',
  endpoint: '',
  buckets: new Map(),
  secrets: new Map(),
  roles: new Map(),
  functions: new Map(),
  permissions: new Map(),
  stacks: new Map(),
  apis: new Map(),
  repositories: new Map(),
  logs: new Map(),
  taskDefinitions: new Map(),
  services: new Map(),
  tasks: new Map(),
  programs,
  hosts,
  amazonMq,
  caFile,
  docker: [],
  unreserved: 1000,
  registryPassword: randomUUID(),
  calls: [],
})

/** The access key of whoever may do anything. */
export const OPERATOR_KEY = 'AKIAOPERATOR'

/** The access key of a role: how a call tells who makes it. */
export const roleKey = (roleName: string) => `ASIA-${roleName}`

/** The name of the role with this ARN. @throws {AwsError} there is none */
export function roleNameOf({ roles }: Account, arn: string): string {
  const [name] = [...roles].find(([, role]) => role.arn === arn) ?? []
  if (name === undefined) throw new AwsError('InvalidParameterValue', `there is no role ${arn}`)
  return name
}

/** All that a role may do, and may not. */
export const statementsOf = (role: Role | undefined): readonly Statement[] =>
  [...(role?.policies.values() ?? [])].flat()

export const arnOf = ({ region, id }: Account, service: string, resource: string) =>
  `arn:aws:${service}:${region}:${id}:${resource}`
