import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { GetAccountSettingsCommand, LambdaClient } from '@aws-sdk/client-lambda'
import {
  DescribeBrokerEngineTypesCommand,
  DescribeBrokerInstanceOptionsCommand,
  MqClient,
} from '@aws-sdk/client-mq'
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts'
import { ENGINE_VERSION, SIZES } from '#infra/aws/sizes.ts'
import { ConfigError } from '#lib/config.ts'
import { say } from './command.ts'
import { neededImages } from './images.ts'
import type { Target } from './target.ts'

/** Gives what it found, for a person. @throws {Error} what is in the way */
type Check = (target: Target) => Promise<string>

/**
 * Looks for what would stop a deployment halfway, and tells each finding.
 * @throws {ConfigError} with everything that is in the way
 */
export async function preflight(target: Target): Promise<void> {
  const account = await credentials(target).catch((error: Error) => {
    throw new ConfigError([`credentials: ${error.message}`])
  })
  say(account)
  const found = await Promise.allSettled(checksFor(target).map((check) => check(target)))
  const problems: string[] = []
  for (const result of found) {
    if (result.status === 'fulfilled') say(result.value)
    else problems.push((result.reason as Error).message)
  }
  if (problems.length > 0) throw new ConfigError(problems)
}

function checksFor(target: Target): readonly Check[] {
  const { broker } = target.installation
  const checks = broker.kind === 'amazonmq' ? [engine, instance, concurrency] : [concurrency]
  return neededImages(target).length > 0 ? [...checks, docker] : checks
}

const credentials: Check = async ({ region }) => {
  const { Arn } = await new STSClient({ region }).send(new GetCallerIdentityCommand({}))
  return `deploying to ${region} as ${Arn}`
}

const engine: Check = async ({ region }) => {
  const asked = new DescribeBrokerEngineTypesCommand({ EngineType: 'RABBITMQ' })
  const { BrokerEngineTypes = [] } = await new MqClient({ region }).send(asked)
  const versions = BrokerEngineTypes.flatMap(({ EngineVersions = [] }) => EngineVersions)
  const names = versions.map(({ Name }) => Name)
  if (names.includes(ENGINE_VERSION)) return `Amazon MQ offers RabbitMQ ${ENGINE_VERSION}`
  throw new Error(`Amazon MQ in ${region} offers RabbitMQ ${names}, not ${ENGINE_VERSION}`)
}

const instance: Check = async ({ region, installation: { broker } }) => {
  const { instanceType, deploymentMode } = SIZES[broker.kind === 'amazonmq' ? broker.size : 'small']
  const asked = { EngineType: 'RABBITMQ', HostInstanceType: instanceType }
  const { BrokerInstanceOptions = [] } = await new MqClient({ region }).send(
    new DescribeBrokerInstanceOptionsCommand(asked),
  )
  const isOffered = BrokerInstanceOptions.some(
    ({ SupportedEngineVersions = [], SupportedDeploymentModes = [] }) =>
      SupportedEngineVersions.some((version) => isOf(version, ENGINE_VERSION)) &&
      SupportedDeploymentModes.some((mode) => mode === deploymentMode),
  )
  if (isOffered) return `Amazon MQ offers ${instanceType} as ${deploymentMode}`
  throw new Error(`Amazon MQ in ${region} does not offer ${instanceType} as ${deploymentMode}`)
}

/** 4.2 and 4.2.1 are of 4.2. */
const isOf = (version: string, wanted: string) => `${version}.`.startsWith(`${wanted}.`)

/** Lambda wants so much left that nobody has reserved (Lambda's guide, "Reserved concurrency"). */
const LEFT_UNRESERVED = 100

const concurrency: Check = async ({ region, installation: { publishConcurrency = 0 } }) => {
  const { AccountLimit } = await new LambdaClient({ region }).send(
    new GetAccountSettingsCommand({}),
  )
  const { ConcurrentExecutions: all = 0, UnreservedConcurrentExecutions: free = 0 } =
    AccountLimit ?? {}
  if (publishConcurrency === 0 || free - publishConcurrency >= LEFT_UNRESERVED) {
    return `Lambda: ${all} executions at once, ${free} of them not reserved`
  }
  const what = `publishConcurrency=${publishConcurrency} leaves fewer than ${LEFT_UNRESERVED} of the account's ${free} executions`
  throw new Error(`${what}: set it lower (0: none), or ask AWS for more`)
}

const docker: Check = async () => {
  const format = ['--format', '{{.Server.Version}}']
  const { stdout } = await promisify(execFile)('docker', ['version', ...format]).catch(
    (error: Error) => {
      throw new Error(
        `Docker builds the images of the tasks, and does not answer: ${error.message}`,
      )
    },
  )
  return `Docker ${stdout.trim()}`
}
