import {
  OBSERVER,
  type Permissions,
  PUBLISHER,
  relayPermissions,
} from '#functions/topology/permissions.ts'
import {
  LISTENER_TYPE,
  type ListenerProperties,
  NO_MANAGEMENT,
  TOPOLOGY_TYPE,
  type TopologyProperties,
  type UserProperties,
} from '#functions/topology/properties.ts'
import { readRelay } from '#lib/config-relay.ts'
import { getAtt, type Resource, type Resources, ref, type Value } from '../cloudformation.ts'
import { type RelayEntry, relayEnv } from '../relays.ts'
import { AMQP_ENDPOINT } from './broker-amazonmq.ts'
import {
  ADMIN_SECRET,
  adminSecretArn,
  BOOTSTRAP_SECRET,
  type Connecting,
  urlSecretId,
} from './broker-secrets.ts'
import type { Installation } from './installation.ts'
import { isolatedSubnets } from './network.ts'
import { relayId, relaySecretId } from './relay-ids.ts'
import { TOPOLOGY_GROUP, waysFrom } from './security-groups.ts'

/** One custom resource for the stack; logical id of one for each listener: `RelayTopic1Listener`. */
export const TOPOLOGY = 'Topology'
export const listenerId = (entry: RelayEntry): string => `${relayId(entry)}Listener`

/** The virtual host of Amazon MQ's broker that all of ours is in. */
const VHOST = 'warren'

/** Seconds: the function's timeout is 60, and it may be tried twice. Without it CloudFormation waits an hour. */
const SERVICE_TIMEOUT = 120

/** As a template has it: any text may be one of CloudFormation's functions. */
type Templated<T> = T extends string
  ? Value
  : T extends readonly (infer I)[]
    ? readonly Templated<I>[]
    : { readonly [K in keyof T]: Templated<T[K]> }

const FUNCTION_USERS: readonly [Connecting, Permissions][] = [
  ['publish', PUBLISHER],
  ['batch', PUBLISHER],
  ['ready', OBSERVER],
]

/** What is made in the broker, before anything connects to it. */
export function topology(installation: Installation): Resources {
  const listeners = installation.relays.map((entry) => [
    listenerId(entry),
    listener(entry, installation),
  ])
  return { ...users(installation), ...Object.fromEntries(listeners) }
}

function users(installation: Installation): Resources {
  if (installation.broker.kind !== 'amazonmq') return {}
  const properties: Templated<TopologyProperties> = {
    AdminSecretArn: ref(ADMIN_SECRET),
    BootstrapSecretArn: ref(BOOTSTRAP_SECRET),
    AmqpEndpoint: AMQP_ENDPOINT,
    Vhost: VHOST,
    Users: FUNCTION_USERS.map(([name, permissions]) => user(name, urlSecretId(name), permissions)),
  }
  return { [TOPOLOGY]: custom(TOPOLOGY_TYPE, properties, networkWays(installation)) }
}

/** Without these the function reaches neither the broker nor CloudFormation, which would wait in vain. */
const networkWays = (installation: Installation): readonly string[] => [
  'S3Endpoint',
  'SecretsEndpoint',
  ...isolatedSubnets(installation).map((subnet) => `${(subnet as { Ref: string }).Ref}Routes`),
  ...waysFrom(TOPOLOGY_GROUP, installation),
]

function listener(entry: RelayEntry, installation: Installation): Resource {
  const isOurs = installation.broker.kind === 'amazonmq'
  const settings = relayEnv(entry) as Readonly<Record<string, string>>
  const permissions = relayPermissions(readRelay(settings))
  const properties: Templated<Omit<ListenerProperties, 'User'>> = {
    AdminSecretArn: adminSecretArn(installation),
    ...(isOurs ? {} : { ManagementUrl: NO_MANAGEMENT }),
    Name: entry.name,
    Settings: settings,
  }
  const User = user(`relay-${entry.name}`, relaySecretId(entry), permissions)
  const hasUser = isOurs && entry.mode === 'relay'
  return custom(
    LISTENER_TYPE,
    hasUser ? { ...properties, User } : properties,
    isOurs ? [TOPOLOGY, ...(hasUser ? [`${relayId(entry)}SecretPolicy`] : [])] : [],
  )
}

const user = (
  Name: string,
  secretId: string,
  permissions: Permissions,
): Templated<UserProperties> => ({ Name, SecretArn: ref(secretId), ...permissions })

const custom = (Type: string, properties: object, dependsOn: readonly string[]): Resource => ({
  Type,
  ...(dependsOn.length === 0 ? {} : { DependsOn: dependsOn }),
  Properties: {
    ServiceToken: getAtt('TopologyLambdaFunction', 'Arn'),
    ServiceTimeout: SERVICE_TIMEOUT,
    ...properties,
  },
})
