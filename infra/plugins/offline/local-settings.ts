import { tokenSources } from '#lib/auth/token-sources.ts'
import { BROKER, ConfigError, type Env, HTTP, readAll, readBroker, readHttp } from '#lib/config.ts'
import type { Environment, Serverless } from '../serverless.ts'

/** The settings that a function may have. */
const NAMES = [...Object.keys(BROKER), ...Object.keys(HTTP)]

/** Where serverless-offline listens; serverless.yml says so. */
const LOOPBACK_ONLY = true

/**
 * Gives the functions the shell's settings in place of the template's references to secrets, for this
 * process only: packaging never comes here, so no template ever holds a value of a shell.
 * @throws a user's error with all wrong settings
 */
export function useLocalSettings({ service, classes }: Serverless, env: Env): void {
  const settings = Object.fromEntries(
    NAMES.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])),
  )
  try {
    readAll({
      broker: () => readBroker(settings),
      tokens: () => tokenSources(readHttp(settings), LOOPBACK_ONLY),
    })
  } catch (error) {
    throw error instanceof ConfigError ? new classes.Error(error.message) : error
  }
  service.provider.environment = withoutReferences(service.provider.environment)
  for (const name of service.getAllFunctions()) {
    const definition = service.getFunction(name)
    definition.environment = { ...withoutReferences(definition.environment), ...settings }
  }
}

/** CloudFormation alone could say what a reference means. */
const withoutReferences = (environment: Environment = {}): Environment =>
  Object.fromEntries(Object.entries(environment).filter(([, value]) => typeof value !== 'object'))
