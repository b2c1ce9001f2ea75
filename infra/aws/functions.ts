import { getAtt, type Resource, type Value } from '../cloudformation.ts'
import {
  ADMIN_SECRET,
  BOOTSTRAP_USER,
  CONNECTING,
  type Connecting,
  urlSecretArn,
} from './broker-secrets.ts'
import type { Installation } from './installation.ts'
import { isolatedSubnets } from './network.ts'
import { PUBLISHER_GROUP, TOPOLOGY_GROUP } from './security-groups.ts'

/** Changes of resources that serverless makes, as its `resources.extensions` takes them. */
export type Extensions = Readonly<Record<string, Pick<Resource, 'Properties'>>>

/** Functions that reach the broker, by their security group. All others are in no network. */
const GROUPS = {
  publish: PUBLISHER_GROUP,
  batch: PUBLISHER_GROUP,
  ready: PUBLISHER_GROUP,
  topology: TOPOLOGY_GROUP,
  rotation: TOPOLOGY_GROUP,
} as const

/** Functions that serverless.yml has in every installation. */
const ALWAYS = [...CONNECTING, 'topology'] as const

/** Whether functions that reach the broker do so from within a network. */
export const areInNetwork = ({ broker }: Installation): boolean =>
  broker.kind === 'amazonmq' || broker.vpc !== undefined

/** Networks and concurrency of the functions that connect to the broker. */
export function functionExtensions(installation: Installation): Extensions {
  const names = installation.broker.kind === 'amazonmq' ? [...ALWAYS, 'rotation' as const] : ALWAYS
  const reserved = concurrency(installation)
  const extensions = names.map((name) => {
    const { [name as Connecting]: environments } = reserved
    const Properties = {
      ...(areInNetwork(installation) ? { VpcConfig: vpcConfig(name, installation) } : {}),
      ...(environments === undefined ? {} : { ReservedConcurrentExecutions: environments }),
    }
    return [`${name[0]?.toUpperCase()}${name.slice(1)}LambdaFunction`, { Properties }] as const
  })
  return Object.fromEntries(extensions)
}

function vpcConfig(name: keyof typeof GROUPS, installation: Installation): Value {
  const { broker } = installation
  if (broker.kind === 'external' && broker.vpc !== undefined) {
    const { subnetIds, securityGroupIds } = broker.vpc
    return { SubnetIds: subnetIds, SecurityGroupIds: securityGroupIds }
  }
  return {
    SubnetIds: isolatedSubnets(installation),
    SecurityGroupIds: [getAtt(GROUPS[name], 'GroupId')],
  }
}

/** A quarter is for batches, one environment for monitoring; each holds a connection. */
function concurrency({
  publishConcurrency: all,
}: Installation): Partial<Readonly<Record<Connecting, number>>> {
  if (all === undefined) return {}
  const batch = Math.max(1, Math.floor(all / 4))
  return { publish: all - batch - 1, batch, ready: 1 }
}

/** The function that rotates passwords; there are none to rotate on a broker that is not ours. */
export const rotationFunction = ({ broker }: Installation): object | undefined =>
  broker.kind === 'external'
    ? undefined
    : {
        handler: 'functions/rotation/handler.handler',
        role: 'RotationRole',
        timeout: 60,
        environment: { ADMIN_SECRET_ARN: { Ref: ADMIN_SECRET }, BOOTSTRAP_USER },
      }

/** What serverless.yml gives to the functions that reach the broker, by their names. */
export function brokerEnvironments(installation: Installation) {
  const ca = caSetting(installation)
  const connecting = CONNECTING.map((name) => [
    name,
    { AMQP_URL_SECRET_ARN: urlSecretArn(installation, name), ...ca },
  ])
  return { ...Object.fromEntries(connecting), topology: ca }
}

/** The setting of whatever connects to a broker whose authority is the company's own. */
export const caSetting = ({ broker }: Installation): { readonly RABBIT_CA_FILE?: string } =>
  broker.kind === 'external' && broker.ca !== undefined ? { RABBIT_CA_FILE: broker.ca } : {}
