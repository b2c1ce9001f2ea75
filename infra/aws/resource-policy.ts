import { REST_API } from '../cloudformation.ts'
import type { Extensions } from './functions.ts'
import { policyDocument } from './iam.ts'
import type { Installation } from './installation.ts'

/** `execute-api:/*` is all of this API: its own ARN is not known to the API's own policy. */
const ALL = 'execute-api:/*'

/** Lets only these networks call the API; others get `403 forbidden-address`. */
export function restApiExtension({ allowFrom }: Installation): Extensions {
  if (allowFrom.length === 0) return {}
  const invoke = { Principal: '*', Action: 'execute-api:Invoke', Resource: ALL }
  return {
    [REST_API]: {
      Properties: {
        Policy: policyDocument([
          { Effect: 'Allow', ...invoke },
          {
            Effect: 'Deny',
            ...invoke,
            Condition: { NotIpAddress: { 'aws:SourceIp': allowFrom } },
          },
        ]),
      },
    },
  }
}
