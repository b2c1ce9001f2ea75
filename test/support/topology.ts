import { OBSERVER, PUBLISHER, relayPermissions } from '#functions/topology/permissions.ts'
import type { ListenerProperties, TopologyProperties } from '#functions/topology/properties.ts'
import { relayEnv } from '#infra/relays.ts'
import { readRelay } from '#lib/config-relay.ts'
import { createManagement, type Management } from '#lib/management/client.ts'
import type { Broker } from './broker.ts'
import type { SecretVersions } from './secret-versions.ts'

/** Properties as a template for this broker would have them. */
export interface Topology {
  readonly properties: TopologyProperties
  /** Of an entry of infra/relays.yml, with a user of its own if it copies. */
  listener(
    queue: string,
    mode?: 'relay' | 'bind',
    settings?: Readonly<Record<string, string>>,
  ): ListenerProperties
  /** The URL in the secret of a user: `publish`, `relay-topic1`, … */
  url(user: string): string
  secretOf(user: string): string
  readonly management: Management
}

export const VHOST = 'warren'

export function topologyOf(broker: Broker, secrets: SecretVersions): Topology {
  const bootstrap = JSON.stringify({ username: broker.user, password: broker.pass })
  const arns = new Map<string, string>()
  const secretOf = (user: string) => {
    const arn = arns.get(user) ?? secrets.create(user)
    arns.set(user, arn)
    return arn
  }
  const access = { AdminSecretArn: secretOf('admin') }
  process.env['MANAGEMENT_URL'] = broker.managementUrl // It is not where Amazon MQ has it.
  return {
    properties: {
      ...access,
      AmqpEndpoint: `amqp://127.0.0.1:${broker.amqpPort}`,
      Vhost: VHOST,
      BootstrapSecretArn: secrets.create('bootstrap', bootstrap),
      Users: [
        { Name: 'publish', SecretArn: secretOf('publish'), ...PUBLISHER },
        { Name: 'ready', SecretArn: secretOf('ready'), ...OBSERVER },
      ],
    },
    listener: (queue, mode = 'relay', settings = {}) => {
      const Settings = relayEnv({ name: queue, exchange: 'exchange', queue, mode, settings })
      const Name = `relay-${queue}`
      const permissions = relayPermissions(readRelay(Settings))
      const User = { Name, SecretArn: secretOf(Name), ...permissions }
      const common = { ...access, Name: queue, Settings: Settings as Record<string, string> }
      return mode === 'bind' ? common : { ...common, User }
    },
    url: (user) => secrets.value(secretOf(user)) ?? '',
    secretOf,
    management: createManagement({
      url: new URL(broker.managementUrl),
      amqpUrl: broker.amqpUrl.replace('%2F', VHOST),
    }),
  }
}
