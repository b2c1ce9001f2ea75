import { join } from 'node:path'
import { type Account, roleKey } from './account.ts'

/** Loaded before every program: where the hosts of AWS are. */
export const REDIRECT = join(import.meta.dirname, 'redirect.cjs')

/**
 * What a program on AWS is told by AWS itself: region and credentials. The last three stand for the
 * network around it: where services and hosts are, and who signed their certificates.
 */
export function cloudEnv(
  { region, endpoint, caFile }: Account,
  roleName: string,
  hosts: Readonly<Record<string, string>>,
): NodeJS.ProcessEnv {
  return {
    PATH: '/usr/local/bin:/usr/bin/:/bin',
    AWS_REGION: region,
    AWS_DEFAULT_REGION: region,
    AWS_ACCESS_KEY_ID: roleKey(roleName),
    AWS_SECRET_ACCESS_KEY: 'secret',
    AWS_SESSION_TOKEN: 'session',
    AWS_ENDPOINT_URL: endpoint,
    STAND_IN_HOSTS: JSON.stringify(hosts),
    ...(caFile === undefined ? {} : { NODE_EXTRA_CA_CERTS: caFile }),
  }
}
