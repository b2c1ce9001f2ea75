import type { Account } from '../account.ts'
import { AwsError } from '../errors.ts'
import { invoke } from '../functions.ts'
import { jsonService, queryService, restService, type Service } from '../protocols.ts'

/** AWS STS: who the caller is. */
export const sts = ({ id }: Account): Service =>
  queryService({
    GetCallerIdentity: () => ({
      Arn: `arn:aws:iam::${id}:user/operator`,
      UserId: 'AIDAOPERATOR',
      Account: id,
    }),
  })

/** AWS Lambda: what a deployment asks about functions, and the invocation by hand. */
export function lambda(account: Account): Service {
  const find = (input: Readonly<Record<string, unknown>>) => {
    const name = String(input['name'])
    const found = account.functions.get(name.split(':').at(-1) ?? name)
    if (found === undefined)
      throw new AwsError('ResourceNotFoundException', `no function ${name}`, 404)
    return found
  }
  return restService({
    'GET /2015-03-31/functions/{name}': (input) => {
      const { name, arn, modified } = find(input)
      const LastModified = modified.toISOString().replace('Z', '+0000')
      return { Configuration: { FunctionName: name, FunctionArn: arn, LastModified } }
    },
    'POST /2015-03-31/functions/{name}/invocations': async (input) => {
      const event = JSON.parse(String(input['body']) || '{}')
      const { result, error } = await invoke(find(input), event)
      return error ?? result
    },
    'GET /2016-08-19/account-settings': () => ({
      AccountLimit: {
        ConcurrentExecutions: 1000,
        UnreservedConcurrentExecutions: account.unreserved,
      },
      AccountUsage: { FunctionCount: account.functions.size },
    }),
  })
}

/** Amazon API Gateway: `serverless` tags the stage after a deployment, when the stack has tags. */
export function apiGateway({ apis }: Account): Service {
  const find = (id: unknown) => {
    const api = apis.get(String(id))
    if (api === undefined) throw new AwsError('NotFoundException', 'no such API', 404)
    return api
  }
  return restService({
    'GET /restapis': () => ({ item: [...apis.values()].map(({ id, name }) => ({ id, name })) }),
    'GET /restapis/{id}/deployments': ({ id }) => ({
      item: [...find(id).deployments.keys()].map((deployment) => ({ id: deployment })),
    }),
    'GET /restapis/{id}/stages/{name}': ({ id, name }) => {
      const deploymentId = find(id).stages.get(String(name))
      if (deploymentId === undefined) throw new AwsError('NotFoundException', 'no such stage', 404)
      return { deploymentId, stageName: name, tags: {} }
    },
    'PUT /tags/{arn}': () => ({}),
  })
}

/** Amazon CloudWatch Logs. All streams of a group are one here. */
export function cloudWatchLogs({ logs }: Account): Service {
  const find = (name: unknown) => {
    const lines = logs.get(String(name))
    if (lines === undefined) throw new AwsError('ResourceNotFoundException', `no group ${name}`)
    return lines
  }
  return jsonService({
    DescribeSubscriptionFilters: ({ logGroupName }) => {
      find(logGroupName)
      return { subscriptionFilters: [] }
    },
    DeleteLogGroup: ({ logGroupName }) => {
      find(logGroupName)
      logs.delete(String(logGroupName))
    },
    GetLogEvents: ({ logGroupName }) => ({
      events: find(logGroupName).map((message) => ({ timestamp: 0, message })),
    }),
  })
}

/** Amazon MQ: what is on offer. */
export const mq = (): Service =>
  restService({
    'GET /v1/broker-engine-types': () => ({
      brokerEngineTypes: [
        {
          engineType: 'RABBITMQ',
          engineVersions: ['3.13', '4.2', '4.3'].map((name) => ({ name })),
        },
      ],
    }),
    'GET /v1/broker-instance-options': ({ hostInstanceType }) => ({
      brokerInstanceOptions: String(hostInstanceType).startsWith('mq.m7g.')
        ? [
            {
              engineType: 'RABBITMQ',
              hostInstanceType,
              supportedEngineVersions: ['4.2', '4.3'],
              supportedDeploymentModes: ['SINGLE_INSTANCE', 'CLUSTER_MULTI_AZ'],
            },
          ]
        : [],
    }),
  })

/** Amazon ECR: repositories, and the tags in them. What pushes images is Docker's protocol, not this. */
export function ecr({ repositories, id, region, registryPassword }: Account): Service {
  const uri = (name: string) => `${id}.dkr.ecr.${region}.amazonaws.com/${name}`
  const describe = (repositoryName: string) => ({
    repositoryName,
    repositoryUri: uri(repositoryName),
    registryId: id,
  })
  const find = (name: unknown) => {
    const images = repositories.get(String(name))
    if (images === undefined) throw new AwsError('RepositoryNotFoundException', `no ${name}`)
    return images
  }
  return jsonService({
    DescribeRepositories: ({ repositoryNames }) => {
      const names = (repositoryNames as string[] | undefined) ?? [...repositories.keys()]
      for (const name of names) find(name)
      return { repositories: names.map(describe) }
    },
    CreateRepository: ({ repositoryName }) => {
      const name = String(repositoryName)
      if (repositories.has(name)) throw new AwsError('RepositoryAlreadyExistsException', name)
      repositories.set(name, new Map())
      return { repository: describe(name) }
    },
    PutLifecyclePolicy: ({ repositoryName }) => {
      find(repositoryName)
      return {}
    },
    DescribeImages: ({ repositoryName, imageIds }) => {
      const images = find(repositoryName)
      const tags = (imageIds as { imageTag: string }[]).map(({ imageTag }) => imageTag)
      const missing = tags.find((tag) => !images.has(tag))
      if (missing !== undefined) throw new AwsError('ImageNotFoundException', `no image ${missing}`)
      return {
        imageDetails: tags.map((tag) => ({ imageDigest: images.get(tag), imageTags: [tag] })),
      }
    },
    GetAuthorizationToken: () => {
      const authorizationToken = Buffer.from(`AWS:${registryPassword}`).toString('base64')
      return {
        authorizationData: [
          { authorizationToken, proxyEndpoint: `https://${uri('').slice(0, -1)}` },
        ],
      }
    },
  })
}
