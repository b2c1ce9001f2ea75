import { setTimeout as sleep } from 'node:timers/promises'
import { withConnection } from '#lib/amqp/inspect.ts'
import { adoptExchange } from '#lib/amqp/topology.ts'
import { type Deadline, remainingMs } from '#lib/deadline.ts'
import { defined } from '#lib/defined.ts'
import { CANARY } from '#lib/listener/specs.ts'
import { createManagement, type Management, vhostOf } from '#lib/management/client.ts'
import {
  isLoginUrl,
  type Login,
  loginOf,
  managementUrlOf,
  withLogin,
} from '#lib/management/login.ts'
import { ManagementRefused } from '#lib/management/request.ts'
import type { SecretStore } from '#lib/secret-store.ts'
import type { CustomResource } from './custom-resource.ts'
import {
  formerTopology,
  parseTopology,
  type TopologyProperties,
  type UserProperties,
} from './properties.ts'
import { ensureUser, removeUser } from './users.ts'

export interface TopologyDeps {
  readonly secrets: SecretStore
  /** PEM file of the authority that signed the broker's certificates. @default the system's */
  readonly caFile?: string
  /** The management API, for properties that name none. @default https and the host of the broker's URL */
  readonly managementUrl?: string
}

const ALL = { Configure: '.*', Write: '.*', Read: '.*' }

/** The administrator that takes over from the one that Amazon MQ made. */
const ADMINISTRATOR = 'warren-admin'
const TAGS = ['administrator']

const RETRY_MS = 1000

/** Custom::WarrenTopology: see TopologyProperties. */
export function topologyResource(deps: TopologyDeps, given: unknown): CustomResource {
  const properties = parseTopology(given)
  const { AmqpEndpoint: endpoint, Vhost: vhost, Users } = properties
  return {
    id: `${new URL(endpoint).hostname}/${vhost}`,
    put: async (old, deadline) => {
      const management = await managementOf(deps, properties, deadline)
      await management.putVhost(vhost)
      const place = { management, secrets: deps.secrets, endpoint, vhost }
      if (properties.BootstrapSecretArn) await ensureUser(place, administrator(properties), TAGS)
      for (const user of Users) await ensureUser(place, user)
      for (const user of goneUsers(old, properties)) await removeUser(place, user)
      await declareCanary(deps, properties)
    },
    remove: async (_stack, deadline) => {
      const management = await managementOf(deps, properties, deadline)
      for (const user of Users) await removeUser({ management, vhost }, user)
    },
  }
}

/** Users of before in the same vhost; those of another one go with the removal of that resource. */
function goneUsers(old: unknown, { Vhost, Users }: TopologyProperties): readonly UserProperties[] {
  const former = formerTopology(old)
  if (former?.Vhost !== Vhost) return []
  return former.Users.filter(({ Name }) => !Users.some((user) => user.Name === Name))
}

const administrator = ({ AdminSecretArn: SecretArn }: TopologyProperties): UserProperties => ({
  Name: ADMINISTRATOR,
  SecretArn,
  ...ALL,
})

/**
 * The management API, asked as an administrator. A broker that has just been made may not answer yet.
 * @throws {Error} there is no login that it accepts, or it cannot be reached by the deadline
 */
async function managementOf(
  deps: TopologyDeps,
  properties: TopologyProperties,
  deadline: Deadline,
): Promise<Management> {
  for (;;) {
    try {
      return await firstAccepted(deps, properties, await loginsOf(deps, properties))
    } catch (error) {
      const isFinal = error instanceof NoLogin
      if (isFinal || remainingMs(deadline) < RETRY_MS) throw error
      await sleep(RETRY_MS)
    }
  }
}

class NoLogin extends Error {
  override readonly name = 'NoLogin'
}

/** The administrator's, and before there was one (or on another broker) the bootstrap user's. */
async function loginsOf(
  { secrets }: TopologyDeps,
  { AdminSecretArn, BootstrapSecretArn, Vhost }: TopologyProperties,
): Promise<readonly Login[]> {
  const url = await secrets.read(AdminSecretArn)
  const own = isLoginUrl(url) ? [loginOf(url)] : []
  if (BootstrapSecretArn !== undefined) {
    return [...own, bootstrapLogin(await secrets.read(BootstrapSecretArn))]
  }
  if (!isLoginUrl(url)) {
    throw new NoLogin(`put the AMQP URL of an administrator into ${AdminSecretArn} first`)
  }
  if (vhostOf(url) !== Vhost) {
    throw new NoLogin(`the URL in ${AdminSecretArn} is of the vhost ${vhostOf(url)}, not ${Vhost}`)
  }
  return own
}

function bootstrapLogin(text = ''): Login {
  try {
    const { username: user, password } = JSON.parse(text) as Record<string, string>
    if (user && password) return { user, password }
  } catch {} // Whatever is in it is not to be seen in an error.
  throw new NoLogin('the bootstrap secret is no {"username":"…","password":"…"}')
}

async function firstAccepted(
  { caFile, managementUrl }: TopologyDeps,
  { AmqpEndpoint, ManagementUrl = managementUrl, Vhost }: TopologyProperties,
  logins: readonly Login[],
): Promise<Management> {
  const url = managementUrlOf(AmqpEndpoint, ManagementUrl)
  for (const login of logins) {
    const amqpUrl = withLogin(AmqpEndpoint, login, Vhost)
    const management = createManagement(defined({ url, amqpUrl, caFile }))
    try {
      await management.user(login.user)
      return management
    } catch (error) {
      if (!(error instanceof ManagementRefused) || error.status >= 500) throw error
    }
  }
  throw new NoLogin(`the management API at ${url.origin} accepts no administrator that is known`)
}

/** Over AMQP, which proves the administrator's URL, and is how the listeners will be declared. */
async function declareCanary(
  { secrets, caFile }: TopologyDeps,
  { AdminSecretArn }: TopologyProperties,
): Promise<void> {
  const url = (await secrets.read(AdminSecretArn)) ?? ''
  const options = defined({ url, caFile, connectionName: 'warren topology' })
  await withConnection(options, (connection) => adoptExchange(connection, CANARY))
}
