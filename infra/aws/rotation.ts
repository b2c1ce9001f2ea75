import { getAtt, type Resource, type Resources, ref } from '../cloudformation.ts'
import { ADMIN_SECRET, CONNECTING, urlSecretId } from './broker-secrets.ts'
import type { Installation } from './installation.ts'
import { copying, relayId, relaySecretId } from './relay-ids.ts'
import { listenerId, TOPOLOGY } from './topology.ts'

/** How old a password gets. Each has two users in turn, so nothing is refused while it changes. */
const ROTATION_DAYS = 30

const FUNCTION = 'RotationLambdaFunction'
const PERMISSION = 'RotationPermission'

/** New passwords for all of the broker's users, by the function `rotation`. */
export function rotation({ broker, relays }: Installation): Resources {
  if (broker.kind !== 'amazonmq') return {}
  const ofFunctions = [ADMIN_SECRET, ...CONNECTING.map(urlSecretId)].map(
    (secret) => [`${secret}Rotation`, schedule(secret, TOPOLOGY)] as const,
  )
  const ofRelays = copying(relays).map(
    (entry) =>
      [`${relayId(entry)}Rotation`, schedule(relaySecretId(entry), listenerId(entry))] as const,
  )
  return { [PERMISSION]: permission, ...Object.fromEntries([...ofFunctions, ...ofRelays]) }
}

const permission: Resource = {
  Type: 'AWS::Lambda::Permission',
  Properties: {
    FunctionName: getAtt(FUNCTION, 'Arn'),
    Action: 'lambda:InvokeFunction',
    Principal: 'secretsmanager.amazonaws.com',
    SourceAccount: ref('AWS::AccountId'),
  },
}

/** @param filledBy the custom resource that puts the first URL into the secret */
const schedule = (secret: string, filledBy: string): Resource => ({
  Type: 'AWS::SecretsManager::RotationSchedule',
  DependsOn: [PERMISSION, filledBy],
  Properties: {
    SecretId: ref(secret),
    RotationLambdaARN: getAtt(FUNCTION, 'Arn'),
    RotationRules: { AutomaticallyAfterDays: ROTATION_DAYS },
    RotateImmediatelyOnUpdate: false,
  },
})
