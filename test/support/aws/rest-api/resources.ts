import { randomUUID } from 'node:crypto'
import type { Account } from '../account.ts'
import type { Made, ResourceType, Wanted } from '../cloudformation/resource-type.ts'
import { AwsError } from '../errors.ts'
import type { RestApi } from './api.ts'

const id = () => randomUUID().replaceAll('-', '').slice(0, 10)

function apiOf({ account, properties }: Wanted): RestApi {
  const api = account.apis.get(String(properties['RestApiId']))
  if (api === undefined) throw new AwsError('NotFoundException', 'Invalid API identifier specified')
  return api
}

const restApi: ResourceType = {
  create: ({ account, properties }) => {
    const rootResourceId = id()
    const api: RestApi = {
      id: id(),
      name: String(properties['Name']),
      rootResourceId,
      binaryMediaTypes: (properties['BinaryMediaTypes'] ?? []) as string[],
      parts: new Map(),
      deployments: new Map(),
      stages: new Map(),
    }
    account.apis.set(api.id, api)
    return { id: api.id, attributes: { RootResourceId: rootResourceId, RestApiId: api.id } }
  },
  update: ({ account, properties }, made) => {
    const api = account.apis.get(made.id) as RestApi
    const binaryMediaTypes = (properties['BinaryMediaTypes'] ?? []) as string[]
    account.apis.set(made.id, { ...api, binaryMediaTypes })
    return made
  },
  remove: ({ account }, { id }) => void account.apis.delete(id),
}

/** What takes effect with the next deployment only. */
const part: ResourceType = {
  create: (wanted) => putPart(wanted, id()),
  update: (wanted, made) => putPart(wanted, made.id),
  remove: ({ account, properties }, made) =>
    void account.apis.get(String(properties['RestApiId']))?.parts.delete(made.id),
}

function putPart(wanted: Wanted, partId: string): Made {
  const { type, properties } = wanted
  apiOf(wanted).parts.set(partId, { type, properties })
  return { id: partId, attributes: {} }
}

const deployment: ResourceType = {
  create: (wanted) => {
    const api = apiOf(wanted)
    const deploymentId = id()
    api.deployments.set(deploymentId, new Map(api.parts))
    return { id: deploymentId, attributes: { DeploymentId: deploymentId } }
  },
  update: (_wanted, made) => made,
  remove: ({ account, properties }, made) => {
    const api = account.apis.get(String(properties['RestApiId']))
    if ([...(api?.stages.values() ?? [])].includes(made.id)) {
      const what = 'Active stages pointing to this deployment must be moved or deleted'
      throw new AwsError('BadRequestException', what)
    }
    api?.deployments.delete(made.id)
  },
}

const stage: ResourceType = {
  create: putStage,
  update: putStage,
  remove: ({ account, properties }, { id: name }) =>
    void account.apis.get(String(properties['RestApiId']))?.stages.delete(name),
}

function putStage(wanted: Wanted): Made {
  const { properties } = wanted
  if (properties['AccessLogSetting'] !== undefined) requireLogRole(wanted.account)
  const name = String(properties['StageName'])
  const deploymentId = String(properties['DeploymentId'])
  const api = apiOf(wanted)
  if (!api.deployments.has(deploymentId)) {
    throw new AwsError('BadRequestException', 'Deployment id does not exist')
  }
  api.stages.set(name, deploymentId)
  return { id: name, attributes: {} }
}

/** The role by which API Gateway logs, one per account; it stays when a stack goes. */
const logRoles = new WeakMap<Account, string>()

function requireLogRole(account: Account): void {
  if (logRoles.has(account)) return
  const what = 'CloudWatch Logs role ARN must be set in account settings to enable logging'
  throw new AwsError('BadRequestException', what)
}

const gatewayAccount: ResourceType = {
  create: ({ account, properties }) => {
    logRoles.set(account, String(properties['CloudWatchRoleArn']))
    return { id: 'ApiGatewayAccount', attributes: {} }
  },
  update: (_wanted, made) => made,
}

export const restApiTypes: Readonly<Record<string, ResourceType>> = {
  'AWS::ApiGateway::RestApi': restApi,
  'AWS::ApiGateway::Resource': part,
  'AWS::ApiGateway::Method': part,
  'AWS::ApiGateway::Authorizer': part,
  'AWS::ApiGateway::GatewayResponse': part,
  'AWS::ApiGateway::Deployment': deployment,
  'AWS::ApiGateway::Stage': stage,
  'AWS::ApiGateway::Account': gatewayAccount,
}
