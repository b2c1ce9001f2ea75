import { ConfigError, readCorsOrigins } from '#lib/config.ts'
import type { Template } from './cloudformation.ts'
import { gatewayResponses } from './gateway-responses.ts'
import { roles } from './roles.ts'
import { secretOutputs, secrets } from './secrets.ts'
import { stage } from './stage.ts'

/** What an installation can choose. */
export interface TemplateOptions {
  /** Origins whose pages may call the API from a browser. */
  readonly corsOrigins: readonly string[]
}

/** All that serverless.yml adds to what serverless makes of its functions. */
export const createTemplate = ({ corsOrigins }: TemplateOptions): Template => ({
  Resources: { ...secrets, ...roles, ...gatewayResponses(corsOrigins), ...stage },
  Outputs: { ...secretOutputs },
})

/** What serverless gives to a function that makes a part of its configuration. */
interface Context {
  resolveVariable(variable: string): Promise<unknown>
}

/** For `${file(infra/index.cjs)}`, with the parameters of the command line and of serverless.yml. */
export async function resources({ resolveVariable }: Context): Promise<Template> {
  const CORS_ORIGINS = String(await resolveVariable("param:corsOrigins, ''"))
  try {
    return createTemplate({ corsOrigins: readCorsOrigins({ CORS_ORIGINS }) })
  } catch (error) {
    // The framework prints the stack, which helps nobody to correct a parameter.
    if (error instanceof ConfigError) error.stack = error.message
    throw error
  }
}
