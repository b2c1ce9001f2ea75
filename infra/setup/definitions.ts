import { createHash, randomBytes } from 'node:crypto'

/** A user of the broker, with all rights in the vhost `/`. */
export interface BrokerUser {
  readonly name: string
  readonly pass: string
  /** Whether the management console lets it in. */
  readonly isAdministrator: boolean
}

/**
 * RabbitMQ's definitions file with these users and the vhost `/`. The broker reads it at each start,
 * so that a changed password counts from then on; it holds hashes only.
 */
export function renderDefinitions(users: readonly BrokerUser[]): string {
  const definitions = {
    vhosts: [{ name: '/' }],
    users: users.map(({ name, pass, isAdministrator }) => ({
      name,
      password_hash: hashPassword(pass),
      hashing_algorithm: 'rabbit_password_hashing_sha256',
      tags: isAdministrator ? ['administrator'] : [],
    })),
    permissions: users.map(({ name: user }) => ({
      user,
      vhost: '/',
      configure: '.*',
      write: '.*',
      read: '.*',
    })),
  }
  return `${JSON.stringify(definitions, null, 2)}\n`
}

/** As RabbitMQ computes it: 4 bytes of salt, then SHA-256 of salt and password. */
function hashPassword(pass: string, salt: Buffer = randomBytes(4)): string {
  const digest = createHash('sha256').update(salt).update(pass).digest()
  return Buffer.concat([salt, digest]).toString('base64')
}
