import { createHash } from 'node:crypto'
import { REST_STAGE } from '../stage.ts'
import type { CompiledTemplate, MutableResource, Plugin, Serverless } from './serverless.ts'

const DEPLOYMENT = 'AWS::ApiGateway::Deployment'
const NOT_DEPLOYED = [DEPLOYMENT, 'AWS::ApiGateway::Stage', 'AWS::ApiGateway::Account']

/**
 * Makes the REST API's deployment whole: it waits for all parts of the API (serverless lets it wait
 * for the methods alone, so that it may miss gateway responses), is named after what it deploys (not
 * after the clock: what did not change is not deployed again), and belongs to a stage of the template
 * (serverless sets the stage's logs by calls after the deploy, and its throttling not at all).
 */
export class RestStage implements Plugin {
  readonly hooks: Plugin['hooks']

  constructor({ service }: Serverless) {
    this.hooks = {
      'after:aws:package:finalize:mergeCustomProviderResources': () => {
        const template = service.provider.compiledCloudFormationTemplate
        if (template) completeDeployment(template)
      },
    }
  }
}

/** Changes the template in place. */
export function completeDeployment({ Resources }: CompiledTemplate): void {
  const found = Object.entries(Resources).find(([, { Type }]) => Type === DEPLOYMENT)
  const stage = Resources[REST_STAGE]
  if (found === undefined || stage === undefined) {
    throw new Error(`The template has no REST API deployment or no ${REST_STAGE}.`)
  }
  const [clockId, deployment] = found
  const parts = partsOfApi(Resources)
  const id = `ApiGatewayDeployment${fingerprint(parts)}`
  delete Resources[clockId]
  Resources[id] = deployment
  deployment.DependsOn = parts.map(([name]) => name)
  stage.Properties = {
    ...stage.Properties,
    DeploymentId: { Ref: id },
    StageName: deployment.Properties['StageName'],
  }
  // CloudFormation would make the stage twice.
  delete deployment.Properties['StageName']
}

type Named = [logicalId: string, resource: MutableResource]

function partsOfApi(resources: CompiledTemplate['Resources']): Named[] {
  return Object.entries(resources)
    .filter(([, { Type }]) => Type.startsWith('AWS::ApiGateway::') && !NOT_DEPLOYED.includes(Type))
    .sort(([a], [b]) => (a < b ? -1 : 1))
}

const fingerprint = (parts: readonly Named[]) =>
  createHash('sha256').update(JSON.stringify(parts, inOrder)).digest('hex').slice(0, 16)

/** Keys in order: the same resources give the same text, however they were put together. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
}
