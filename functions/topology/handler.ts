import type { CloudFormationCustomResourceEvent, Context } from 'aws-lambda'
import { type Env, maybe, readSettings } from '#lib/config.ts'
import { defined } from '#lib/defined.ts'
import { emfLine } from '#lib/emf.ts'
import { createLog } from '#lib/log.ts'
import { toStdout } from '#lib/log-lines.ts'
import { createSecretStore } from '#lib/secret-store.ts'
import { createCustomResource, type ReadResource } from './custom-resource.ts'
import { listenerResource } from './listener.ts'
import { LISTENER_TYPE, TOPOLOGY_TYPE } from './properties.ts'
import { respond } from './respond.ts'
import type { LeftBehind } from './retire.ts'
import { topologyResource } from './topology.ts'

const SETTINGS = { RABBIT_CA_FILE: maybe(), MANAGEMENT_URL: maybe() }

const log = createLog({ fields: { function: 'topology' } })

function onLeftBehind({ stack, ...left }: LeftBehind): void {
  log.warn({ stack, ...left }, 'a queue stays behind')
  toStdout(emfLine({ Stack: stack }, { ForgottenStaging: 1 }, Date.now()))
}

function typesOf(env: Env): Readonly<Record<string, ReadResource>> {
  const { RABBIT_CA_FILE: caFile, MANAGEMENT_URL: managementUrl } = readSettings(SETTINGS, env)
  const deps = defined({ secrets: createSecretStore(), caFile, managementUrl })
  return {
    [TOPOLOGY_TYPE]: (properties) => topologyResource(deps, properties),
    [LISTENER_TYPE]: (properties) => listenerResource({ ...deps, onLeftBehind }, properties),
  }
}

const answer = createCustomResource({ typesOf: () => typesOf(process.env), respond, log })

/** Called by CloudFormation, which has no use for a result. */
export const handler = (event: CloudFormationCustomResourceEvent, context: Context) =>
  answer(event, context.getRemainingTimeInMillis())
