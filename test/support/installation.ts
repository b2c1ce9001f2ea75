import assert from 'node:assert/strict'
import { type Installation, readInstallation } from '#infra/aws/installation.ts'
import type { Resource } from '#infra/cloudformation.ts'
import { createTemplate } from '#infra/index.ts'
import type { RelayEntry } from '#infra/relays.ts'
import type { Env } from '#lib/config.ts'

/** A listener of the exchange `exchange`. */
export const listener = (name: string, mode: RelayEntry['mode'] = 'relay'): RelayEntry => ({
  ...{ name, exchange: 'exchange', queue: name, mode, settings: {} },
})

export const SECRET_ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:rabbit-Ab12Cd'

/** Parameters of an installation that uses a broker of somebody else's. */
export const EXTERNAL: Env = { broker: 'external', brokerSecretArn: SECRET_ARN }
export const EXTERNAL_IN_VPC: Env = {
  ...EXTERNAL,
  vpcSubnetIds: 'subnet-0a1b2c3d,subnet-0a1b2c3e',
  vpcSecurityGroupIds: 'sg-0a1b2c3d',
}

/** Every kind of installation that there is. */
export const KINDS: Readonly<Record<string, Env>> = {
  small: {},
  ha: { size: 'ha', protect: '1', publishConcurrency: '100' },
  'small without an edge': { edge: '0', allowFrom: '203.0.113.0/24' },
  external: EXTERNAL,
  'external in a network of the company': { ...EXTERNAL_IN_VPC, alarmEmail: 'ops@example.com' },
}

/** An installation with these parameters; by default a small one with two relays. */
export const installation = (
  parameters: Env = {},
  relays: readonly RelayEntry[] = [listener('topic1'), listener('topic2')],
): Installation => readInstallation(parameters, relays)

export type Resources = Readonly<Record<string, Resource>>

/** All resources of such an installation but those that serverless makes. */
export const resourcesOf = (...options: Parameters<typeof installation>): Resources =>
  createTemplate(installation(...options)).Resources

/** Those of one type, by logical id. */
export const ofType = (resources: Resources, type: string): Record<string, Properties> =>
  Object.fromEntries(
    Object.entries(resources)
      .filter(([, { Type }]) => Type === type)
      .map(([id, { Properties = {} }]) => [id, Properties]),
  )

export type Properties = NonNullable<Resource['Properties']>

/** The properties of a resource that must be there. */
export function propertiesOf(resources: Resources, id: string): Properties {
  const { [id]: resource } = resources
  assert.ok(resource !== undefined, `there is no resource ${id}`)
  return resource.Properties ?? {}
}
