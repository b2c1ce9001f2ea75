import type { BindingSpec } from '#lib/amqp/topology.ts'
import { ask, type ManagementOptions } from './request.ts'

/** The part of RabbitMQ's management API that AMQP has no word for. Every call may throw as `ask` does. */
export interface Management {
  /** The bindings that bring messages to this queue or exchange, but for the default exchange's. */
  bindingsTo(destination: BindingSpec['destination']): Promise<readonly BindingSpec[]>
  /** Makes a vhost; one that is there stays as it is. */
  putVhost(name: string): Promise<void>
  /** Undefined: there is no such user. */
  user(name: string): Promise<BrokerUser | undefined>
  /** Makes a user, or gives it this password and these tags. Its connections stay open. */
  putUser(name: string, user: BrokerUser & { readonly password: string }): Promise<void>
  /** Takes the password away: nobody logs in with any. Tags go, too. */
  disableUser(name: string): Promise<void>
  /** Deletes it and ends its connections, if it is there. */
  deleteUser(name: string): Promise<void>
  permissionsOf(user: string): Promise<readonly VhostPermissions[]>
  putPermissions(user: string, permissions: VhostPermissions): Promise<void>
  deletePermissions(user: string, vhost: string): Promise<void>
  /** Ends every connection of this user. */
  closeConnectionsOf(user: string): Promise<void>
}

export interface BrokerUser {
  /** E.g. `administrator`. Without one, the management API is closed to the user. */
  readonly tags: readonly string[]
}

/** Regular expressions over names of exchanges and queues, in one vhost. */
export interface VhostPermissions {
  readonly vhost: string
  readonly configure: string
  readonly write: string
  readonly read: string
}

interface ApiBinding {
  readonly source: string
  readonly routing_key: string
  readonly arguments: Readonly<Record<string, unknown>>
}

/** The client asks as the user, and about the vhost, of its options. */
export function createManagement(options: ManagementOptions): Management {
  const vhost = vhostOf(options.amqpUrl)
  const get = (...path: string[]) => ask(options, 'GET', path)
  const put = async (path: string[], body: object) => void (await ask(options, 'PUT', path, body))
  const remove = async (...path: string[]) => void (await ask(options, 'DELETE', path))
  return {
    bindingsTo: async (destination) => {
      const { kind, name } = destination
      const bindings =
        kind === 'queue'
          ? await get('queues', vhost, name, 'bindings')
          : await get('exchanges', vhost, name, 'bindings', 'destination')
      return listed<ApiBinding>(bindings)
        .filter(({ source }) => source !== '')
        .map((binding) => specOf(binding, destination))
    },
    putVhost: (name) => put(['vhosts', name], {}),
    user: async (name) => (await get('users', name)) as BrokerUser | undefined,
    putUser: (name, { password, tags }) => put(['users', name], { password, tags: tags.join(',') }),
    disableUser: (name) => put(['users', name], { password_hash: '', tags: '' }),
    deleteUser: (name) => remove('users', name),
    permissionsOf: async (user) =>
      listed<VhostPermissions>(await get('users', user, 'permissions')),
    putPermissions: (user, { vhost: of, configure, write, read }) =>
      put(['permissions', of, user], { configure, write, read }),
    deletePermissions: (user, of) => remove('permissions', of, user),
    closeConnectionsOf: (user) => remove('connections', 'username', user),
  }
}

/** As amqplib reads it: no path, or `/` alone, is the vhost `/`. */
export const vhostOf = (amqpUrl: string): string =>
  decodeURIComponent(new URL(amqpUrl).pathname.slice(1)) || '/'

const listed = <T>(answer: unknown): readonly T[] => (answer ?? []) as readonly T[]

const specOf = (
  { source, routing_key: key, arguments: given }: ApiBinding,
  destination: BindingSpec['destination'],
): BindingSpec => ({ source, destination, key, arguments: given })
