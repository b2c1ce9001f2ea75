import { readRelay } from '#lib/config-relay.ts'
import { getAtt, type Resource, type Resources, ref, type Value } from '../cloudformation.ts'
import { type RelayEntry, relayEnv } from '../relays.ts'
import { ROTATING, ROTATION_ROLE, TOPOLOGY_ROLE } from '../roles.ts'
import { adminSecretArn, urlSecret } from './broker-secrets.ts'
import { logGroup, logTo, networkWays, service, task } from './cluster.ts'
import { caSetting } from './functions.ts'
import { allow, policyDocument, readSecrets, role } from './iam.ts'
import { imageUri } from './images.ts'
import type { Installation } from './installation.ts'
import { hasNetwork, publicSubnets } from './network.ts'
import { copying, relayId, relaySecretId } from './relay-ids.ts'
import { RELAY_GROUP, waysFrom } from './security-groups.ts'
import { listenerId } from './topology.ts'

/** A task, and what belongs to it, for each copying entry of infra/relays.yml. */
export const relayServices = (installation: Installation): Resources =>
  Object.assign({}, ...copying(installation.relays).map((entry) => relay(entry, installation)))

function relay(entry: RelayEntry, installation: Installation): Resources {
  const id = relayId(entry)
  const isOurs = installation.broker.kind === 'amazonmq'
  const secretArn = isOurs ? ref(relaySecretId(entry)) : adminSecretArn(installation)
  return {
    ...(isOurs ? secretOf(entry) : {}),
    [`${id}LogGroup`]: logGroup(`relay-${entry.name}`),
    [`${id}TaskRole`]: role('ecs-tasks.amazonaws.com', [readSecrets(secretArn)]),
    [`${id}Task`]: taskOf(entry, { AMQP_URL_SECRET_ARN: secretArn, ...caSetting(installation) }),
    [`${id}Service`]: service({
      task: `${id}Task`,
      dependsOn: [listenerId(entry), ...networkWays(installation), ...ways(installation)],
      ...placeOf(installation),
    }),
  }
}

/** The relay's URL, for the relay to read, and for the functions that make and rotate it. */
const secretOf = (entry: RelayEntry): Resources => ({
  [relaySecretId(entry)]: urlSecret(`the relay ${entry.name}`),
  [`${relayId(entry)}SecretPolicy`]: {
    Type: 'AWS::IAM::Policy',
    Properties: {
      PolicyName: relayId(entry),
      Roles: [ref(TOPOLOGY_ROLE), ref(ROTATION_ROLE)],
      PolicyDocument: policyDocument([allow(ROTATING, ref(relaySecretId(entry)))]),
    },
  },
})

function taskOf(entry: RelayEntry, broker: Readonly<Record<string, Value>>): Resource {
  const id = relayId(entry)
  const env = {
    ...relayEnv(entry),
    ...broker,
    // Its health is asked by a command inside the container.
    HOST: '127.0.0.1',
    METRICS_STACK: ref('AWS::StackName'),
  }
  return task({
    memory: 512,
    taskRole: `${id}TaskRole`,
    container: {
      Name: 'relay',
      Image: imageUri('relay'),
      StopTimeout: stopTimeoutS(entry),
      Environment: Object.entries(env).map(([Name, value]) => ({ Name, Value: value as Value })),
      HealthCheck: {
        Command: ['CMD', './healthy', '9091', '/healthz'],
        ...{ Interval: 10, Timeout: 10, StartPeriod: 30, Retries: 3 },
      },
      LogConfiguration: logTo(`${id}LogGroup`),
    },
  })
}

/** Fargate's limit (ECS's guide, "Task definition parameters", stopTimeout). */
const MOST_STOP_TIMEOUT_S = 120
/** Beyond the time in which a relay finishes what it has in hand. */
const CLOSING_S = 10

function stopTimeoutS(entry: RelayEntry): number {
  const { shutdownGraceMs } = readRelay(relayEnv(entry))
  return Math.min(MOST_STOP_TIMEOUT_S, Math.ceil(shutdownGraceMs / 1000) + CLOSING_S)
}

const ways = (installation: Installation) =>
  hasNetwork(installation) ? waysFrom(RELAY_GROUP, installation) : []

function placeOf(installation: Installation) {
  const { broker } = installation
  if (broker.kind === 'external' && broker.vpc !== undefined) {
    const { subnetIds: subnets, securityGroupIds: securityGroups } = broker.vpc
    return { subnets, securityGroups, publicAddress: false }
  }
  const securityGroups = [getAtt(RELAY_GROUP, 'GroupId')]
  return { subnets: publicSubnets(installation), securityGroups, publicAddress: true }
}
