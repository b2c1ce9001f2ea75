import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { type Installation, readInstallation } from '#infra/aws/installation.ts'
import { readRelays } from '#infra/relays.ts'
import { ConfigError } from '#lib/config.ts'

const CHECKOUT = join(import.meta.dirname, '..', '..')

/** Which installation a command is about. */
export interface Target {
  readonly checkout: string
  readonly stage: string
  readonly region: string
  /** The name of its CloudFormation stack. */
  readonly stack: string
  /** As `serverless` takes them: `name=value`. */
  readonly parameters: readonly string[]
  readonly installation: Installation
  /** What else was given. */
  readonly positionals: readonly string[]
}

/** What the commands of this folder have in common. */
export const OPTIONS_HELP = `  --stage S           the stage, e.g. dev or prod
  --region R          default: the region of serverless.yml
  --param NAME=VALUE  a parameter of serverless.yml, several times: as for serverless`

/** As far as these commands read it. */
interface ServerlessYml {
  readonly service: string
  readonly params: Readonly<Record<string, Readonly<Record<string, string>>>>
  readonly provider: { readonly region: string }
}

/**
 * Reads a command line, serverless.yml and infra/relays.yml.
 * @throws {ConfigError} there is no stage; a parameter is wrong
 */
export function readTarget(args: readonly string[], checkout: string = CHECKOUT): Target {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      stage: { type: 'string' },
      region: { type: 'string' },
      param: { type: 'string', multiple: true, default: [] },
    },
  })
  const { stage, param: parameters } = values
  if (stage === undefined || !/^[a-zA-Z0-9-]+$/.test(stage)) {
    throw new ConfigError(['--stage must be set: letters, digits and hyphens'])
  }
  const { service, params, provider } = readServerlessYml(checkout)
  const own = {
    ...params['default'],
    ...params[stage],
    ...Object.fromEntries(parameters.map(split)),
  }
  return {
    checkout,
    stage,
    region: values.region ?? defaultOf(provider.region),
    stack: `${service}-${stage}`,
    parameters,
    installation: readInstallation(own, readRelays(join(checkout, 'infra', 'relays.yml'))),
    positionals,
  }
}

const readServerlessYml = (checkout: string): ServerlessYml =>
  // CloudFormation's tags (!Ref) mean nothing here.
  parse(readFileSync(join(checkout, 'serverless.yml'), 'utf8'), { logLevel: 'silent' })

/** `eu-west-1` of `${opt:region, 'eu-west-1'}` */
function defaultOf(variable: string): string {
  const [, region] = /^\$\{opt:region, '([\w-]+)'\}$/.exec(variable) ?? []
  if (region === undefined)
    throw new ConfigError(['serverless.yml: provider.region has no default'])
  return region
}

function split(parameter: string): [string, string] {
  const at = parameter.indexOf('=')
  if (at < 1) throw new ConfigError([`--param ${parameter}: it must be NAME=VALUE`])
  return [parameter.slice(0, at), parameter.slice(at + 1)]
}
