import { randomUUID } from 'node:crypto'
import { roleNameOf } from '../account.ts'
import type { Made, ResourceType, Wanted } from '../cloudformation/resource-type.ts'
import { AwsError } from '../errors.ts'
import { type Configuration, deployFunction, undeployFunction } from '../functions.ts'

/** What a function of ours has. */
interface Properties {
  readonly FunctionName: string
  readonly Code: { readonly S3Bucket: string; readonly S3Key: string }
  readonly Handler: string
  readonly Runtime: string
  readonly Timeout: number
  readonly MemorySize: number
  readonly Role: string
  readonly Environment?: { readonly Variables?: Readonly<Record<string, unknown>> }
  readonly VpcConfig?: object
}

const lambdaFunction: ResourceType = {
  create: (wanted) => {
    const { FunctionName } = propertiesOf(wanted)
    if (wanted.account.functions.has(FunctionName)) {
      throw new AwsError('AlreadyExists', `${FunctionName} already exists`)
    }
    return deploy(wanted)
  },
  update: async (wanted, made) => {
    const old = wanted.account.functions.get(made.id)
    const now = deploy(wanted)
    if (old) await undeployFunction(old)
    return now
  },
  remove: async ({ account }, { id }) => {
    const deployed = account.functions.get(id)
    account.functions.delete(id)
    if (deployed) await undeployFunction(deployed)
  },
}

const propertiesOf = ({ properties }: Wanted) => properties as unknown as Properties

function deploy(wanted: Wanted): Made {
  const { account } = wanted
  const { FunctionName, Code, Runtime } = propertiesOf(wanted)
  const object = account.buckets.get(Code.S3Bucket)?.get(Code.S3Key)
  if (object === undefined) throw new AwsError('InvalidParameterValue', `S3 has no ${Code.S3Key}`)
  if (Runtime !== 'nodejs24.x') throw new AwsError('InvalidParameterValue', `no runtime ${Runtime}`)
  const { arn } = deployFunction(account, FunctionName, object.content, configurationOf(wanted))
  return { id: FunctionName, attributes: { Arn: arn } }
}

function configurationOf(wanted: Wanted): Configuration {
  const { account } = wanted
  const { Role, Handler, Timeout, MemorySize, VpcConfig, ...rest } = propertiesOf(wanted)
  const Variables = Object.entries(rest.Environment?.Variables ?? {})
  const other = Variables.find(([, value]) => typeof value !== 'string')
  if (other) throw new AwsError('InvalidParameterValue', `the variable ${other[0]} is no text`)
  return {
    Handler,
    Timeout,
    MemorySize,
    Variables: Object.fromEntries(Variables) as Record<string, string>,
    roleName: roleNameOf(account, Role),
    logGroup: `/aws/lambda/${rest.FunctionName}`,
    hosts: { ...account.hosts, ...(VpcConfig === undefined ? {} : account.amazonMq?.hosts) },
  }
}

/** Who may invoke a function. */
const permission: ResourceType = {
  create: ({ properties, account }) => {
    const functionName = String(properties['FunctionName']).split(':').at(-1) ?? ''
    if (!account.functions.has(functionName)) {
      throw new AwsError('NotFound', `there is no function ${functionName}`)
    }
    const id = randomUUID()
    const sourceArn = String(properties['SourceArn'] ?? '*')
    account.permissions.set(id, {
      functionName,
      principal: String(properties['Principal']),
      sourceArn,
    })
    return { id, attributes: {} }
  },
  remove: ({ account }, { id }) => void account.permissions.delete(id),
}

export const functionTypes: Readonly<Record<string, ResourceType>> = {
  'AWS::Lambda::Function': lambdaFunction,
  'AWS::Lambda::Permission': permission,
}
