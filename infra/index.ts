import { ConfigError } from '#lib/config.ts'
import { alarms } from './aws/alarms.ts'
import { amazonMq, brokerOutputs } from './aws/broker-amazonmq.ts'
import { brokerSecrets } from './aws/broker-secrets.ts'
import { cluster } from './aws/cluster.ts'
import { dashboard } from './aws/dashboard.ts'
import { edgeApi, edgeOutputs } from './aws/edge-api.ts'
import { edgeService } from './aws/edge-service.ts'
import { endpoints } from './aws/endpoints.ts'
import {
  brokerEnvironments,
  type Extensions,
  functionExtensions,
  rotationFunction,
} from './aws/functions.ts'
import { guardOf, type StackPolicy, stackPolicy } from './aws/guards.ts'
import { type Installation, PARAMETERS, readInstallation } from './aws/installation.ts'
import { network } from './aws/network.ts'
import { relayServices } from './aws/relay-services.ts'
import { restApiExtension } from './aws/resource-policy.ts'
import { rotation } from './aws/rotation.ts'
import { securityGroups } from './aws/security-groups.ts'
import { topology } from './aws/topology.ts'
import type { Template } from './cloudformation.ts'
import { gatewayResponses } from './gateway-responses.ts'
import { readRelays } from './relays.ts'
import { roles } from './roles.ts'
import { API_TOKENS_SECRET, apiTokensSecret, secretOutputs } from './secrets.ts'
import { stage } from './stage.ts'

/** All that serverless.yml adds to what serverless makes of its functions. */
export const createTemplate = (installation: Installation): Template => ({
  Resources: {
    [API_TOKENS_SECRET]: { ...apiTokensSecret, ...guardOf(installation) },
    ...roles(installation),
    ...gatewayResponses(installation.corsOrigins),
    ...stage(installation),
    ...network(installation),
    ...securityGroups(installation),
    ...endpoints(installation),
    ...brokerSecrets(installation),
    ...amazonMq(installation),
    ...topology(installation),
    ...rotation(installation),
    ...cluster(installation),
    ...relayServices(installation),
    ...edgeService(installation),
    ...edgeApi(installation),
    ...alarms(installation),
    ...dashboard(installation),
  },
  Outputs: { ...secretOutputs, ...brokerOutputs(installation), ...edgeOutputs(installation) },
})

/** What serverless.yml takes from here: `${self:custom.warren.resources}` and so on. */
export interface Configuration {
  readonly resources: Template & { readonly extensions: Extensions }
  readonly stackPolicy: StackPolicy
  /** Settings of the functions that reach the broker. */
  readonly brokerEnvironments: ReturnType<typeof brokerEnvironments>
  /** Absent where there is nothing to rotate. */
  readonly rotation?: object
}

export function createConfiguration(installation: Installation): Configuration {
  const rotationOrNone = rotationFunction(installation)
  return {
    resources: {
      ...createTemplate(installation),
      extensions: { ...functionExtensions(installation), ...restApiExtension(installation) },
    },
    stackPolicy: stackPolicy(installation),
    brokerEnvironments: brokerEnvironments(installation),
    ...(rotationOrNone === undefined ? {} : { rotation: rotationOrNone }),
  }
}

/** What serverless gives to a function that makes a part of its configuration. */
interface Context {
  resolveVariable(variable: string): Promise<unknown>
}

/** With the parameters of the command line and of serverless.yml. */
export async function configuration({ resolveVariable }: Context): Promise<Configuration> {
  const parameters: Record<string, string> = {}
  for (const name of Object.keys(PARAMETERS)) {
    parameters[name] = String(await resolveVariable(`param:${name}, ''`))
  }
  return withPlainErrors(() => createConfiguration(readInstallation(parameters, readRelays())))
}

/** The framework prints the stack, which helps nobody to correct a parameter. */
function withPlainErrors<T>(make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (error instanceof ConfigError) error.stack = error.message
    throw error
  }
}
