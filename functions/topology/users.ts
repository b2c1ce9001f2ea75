import type { Management } from '#lib/management/client.ts'
import {
  isLoginUrl,
  type Login,
  loginOf,
  newPassword,
  usersOf,
  withLogin,
} from '#lib/management/login.ts'
import type { SecretStore } from '#lib/secret-store.ts'
import type { UserProperties } from './properties.ts'

/** Where the user is to be. */
export interface UserPlace {
  readonly management: Management
  readonly secrets: SecretStore
  /** An AMQP URL of the broker, with any login or none. */
  readonly endpoint: string
  readonly vhost: string
}

/**
 * Makes the user, its permissions and its URL, or completes what is there: a login that the secret
 * holds already stays as it is, and counts on the broker from now on. The secret is written last.
 */
export async function ensureUser(
  { management, secrets, endpoint, vhost }: UserPlace,
  { Name, SecretArn, Configure, Write, Read }: UserProperties,
  tags: readonly string[] = [],
): Promise<void> {
  const found = await secrets.read(SecretArn)
  const login = ownLogin(found, Name) ?? { user: Name, password: newPassword() }
  await management.putUser(login.user, { password: login.password, tags })
  const permissions = { vhost, configure: Configure, write: Write, read: Read }
  for (const user of usersOf(Name)) {
    // The one before the last rotation still has connections.
    const isThere = user === login.user || (await management.user(user)) !== undefined
    if (isThere) await management.putPermissions(user, permissions)
  }
  const url = withLogin(endpoint, login, vhost)
  if (url !== found) await secrets.write(SecretArn, url)
}

/** The login in a secret, if it is of this principal's users. */
function ownLogin(text: string | undefined, principal: string): Login | undefined {
  if (!isLoginUrl(text)) return undefined
  const login = loginOf(text)
  return usersOf(principal).includes(login.user) ? login : undefined
}

/**
 * Takes the user's rights in the vhost away, and deletes it when it has no others. Rights that are not
 * these are somebody's who came after.
 */
export async function removeUser(
  { management, vhost }: Pick<UserPlace, 'management' | 'vhost'>,
  { Name, Configure, Write, Read }: UserProperties,
): Promise<void> {
  for (const user of usersOf(Name)) {
    const all = await management.permissionsOf(user)
    const here = all.find((permissions) => permissions.vhost === vhost)
    if (here === undefined && all.length > 0) continue
    const isOurs =
      here === undefined ||
      (here.configure === Configure && here.write === Write && here.read === Read)
    if (!isOurs) continue
    if (all.length <= 1) await management.deleteUser(user)
    else await management.deletePermissions(user, vhost)
  }
}
