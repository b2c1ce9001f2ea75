import type { Installation } from '#infra/aws/installation.ts'
import { createConfiguration, createTemplate } from '#infra/index.ts'
import type { CompiledTemplate, MutableResource } from '#infra/plugins/serverless.ts'
import { installation } from './installation.ts'

/**
 * The template of another installation, made of one that serverless has packaged: what serverless makes of
 * the functions is the same for all, so that it need not run (for seconds) for each.
 * @param packaged of the installation that `installation()` is
 */
export function combined(packaged: CompiledTemplate, other: Installation): CompiledTemplate {
  const { resources, rotation, brokerEnvironments } = createConfiguration(other)
  const ours = createTemplate(installation())
  const theirs = Object.entries(structuredClone(packaged.Resources)).filter(
    ([id]) => !(id in ours.Resources) && (rotation !== undefined || !id.startsWith('Rotation')),
  )
  const Resources: Record<string, MutableResource> = {
    ...Object.fromEntries(theirs),
    ...(resources.Resources as Record<string, MutableResource>),
    // The plugin gives the stage its name and its deployment.
    RestStage: packaged.Resources['RestStage'] as MutableResource,
  }
  for (const [id, { Properties = {} }] of Object.entries(resources.extensions)) {
    extend(Resources[id], Properties)
  }
  for (const [name, Variables] of Object.entries(brokerEnvironments)) {
    const { [`${name[0]?.toUpperCase()}${name.slice(1)}LambdaFunction`]: lambda } = Resources
    Object.assign(lambda?.Properties ?? {}, { Environment: { Variables } })
  }
  const outputs = Object.entries(packaged.Outputs).filter(([id]) => !(id in ours.Outputs))
  return { Resources, Outputs: { ...Object.fromEntries(outputs), ...resources.Outputs } }
}

function extend(resource: MutableResource | undefined, properties: object): void {
  if (resource === undefined) throw new Error('there is no such resource to extend')
  if (!('VpcConfig' in properties)) delete resource.Properties['VpcConfig']
  Object.assign(resource.Properties, properties)
}
