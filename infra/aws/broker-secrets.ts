import { type Resource, type Resources, ref, type Value } from '../cloudformation.ts'
import { guardOf } from './guards.ts'
import type { Installation } from './installation.ts'

/** Login of the user that Amazon MQ makes with the broker. */
export const BOOTSTRAP_SECRET = 'BrokerBootstrapSecret'
export const BOOTSTRAP_USER = 'warren-bootstrap'
/** URL of the user that sets up the broker. The topology function fills it, like those below. */
export const ADMIN_SECRET = 'BrokerAdminSecret'

/** Functions that connect to the broker, each as a user of its own on Amazon MQ. */
export const CONNECTING = ['publish', 'batch', 'ready'] as const
export type Connecting = (typeof CONNECTING)[number]

/** The logical id of the secret with a function's URL. */
export const urlSecretId = (name: Connecting): string =>
  `${name[0]?.toUpperCase()}${name.slice(1)}UrlSecret`

/** ARN of the secret that holds the URL with which this function connects. */
export const urlSecretArn = ({ broker }: Installation, name: Connecting): Value =>
  broker.kind === 'external' ? broker.secretArn : ref(urlSecretId(name))

/** ARN of the secret that holds the URL of a user who may set up the broker. */
export const adminSecretArn = ({ broker }: Installation): Value =>
  broker.kind === 'external' ? broker.secretArn : ref(ADMIN_SECRET)

/** The secrets of a broker of ours. Who brings a broker brings its secret. */
export function brokerSecrets(installation: Installation): Resources {
  if (installation.broker.kind !== 'amazonmq') return {}
  const guard = guardOf(installation)
  return {
    [BOOTSTRAP_SECRET]: { ...BOOTSTRAP, ...guard },
    [ADMIN_SECRET]: { ...urlSecret('the administrator'), ...guard },
    ...Object.fromEntries(
      CONNECTING.map((name) => [urlSecretId(name), urlSecret(`the function ${name}`)]),
    ),
  }
}

/** Empty at first: no text is the URL of no broker. CloudFormation never writes a value into it. */
export const urlSecret = (user: string): Resource => ({
  Type: 'AWS::SecretsManager::Secret',
  Properties: { Description: `Warren: the broker's URL for ${user}, with its password` },
})

// Amazon MQ takes 12 to 250 characters, without commas, colons and equals signs.
const BOOTSTRAP: Resource = {
  Type: 'AWS::SecretsManager::Secret',
  Properties: {
    Description: 'Warren: the first user of the broker, which makes all others',
    GenerateSecretString: {
      SecretStringTemplate: JSON.stringify({ username: BOOTSTRAP_USER }),
      GenerateStringKey: 'password',
      PasswordLength: 40,
      ExcludePunctuation: true,
    },
  },
}
