import type { Template } from './cloudformation.ts'
import { gatewayResponses } from './gateway-responses.ts'
import { roles } from './roles.ts'
import { secretOutputs, secrets } from './secrets.ts'
import { stage } from './stage.ts'

/** All that serverless.yml adds to what serverless makes of its functions. */
export const template: Template = {
  Resources: { ...secrets, ...roles, ...gatewayResponses, ...stage },
  Outputs: { ...secretOutputs },
}
