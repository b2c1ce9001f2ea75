import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { ConfigError, type Env, readSettings, text } from '#lib/config.ts'
import { describeError } from '#lib/log.ts'
import { chooseCredentials } from './credentials.ts'
import { readCredentials, writeFiles } from './files.ts'
import { renderScreen } from './screen.ts'

const USAGE = `Makes the secrets of a stack of containers.

[make]   makes what is missing, and writes it for the other services
show     shows where to publish, the token, and the console's password`

const SETTINGS = {
  SETUP_FOLDER: text('/var/lib/warren'),
  // The predecessor's file. Given as a file, no secret is in a container's environment.
  SETUP_ENV_FILE: text('/project/.env'),
  SETUP_BROKER: text('rabbit:5672'),
  EDGE_BIND: text('127.0.0.1'),
  EDGE_PORT: text('8080'),
}

function readGiven(file: string): Env {
  try {
    return parseEnv(readFileSync(file, 'utf8'))
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {}
    const user = process.getuid?.()
    throw new ConfigError([
      `.env, or its folder, cannot be read by the user ${user} of this container: chown ${user} .env`,
    ])
  }
}

function make(env: Env): void {
  const settings = readSettings(SETTINGS, env)
  const { SETUP_FOLDER: folder, EDGE_BIND: bind } = settings
  const before = readCredentials(folder)
  const credentials = chooseCredentials(
    readGiven(settings.SETUP_ENV_FILE),
    before,
    /^(127\.|\[?::1\]?$|localhost$)/.test(bind),
  )
  writeFiles(folder, credentials, settings.SETUP_BROKER)
  console.log('The secrets are ready. To see them: docker compose run --rm setup show')
}

function show(env: Env): void {
  const settings = readSettings(SETTINGS, env)
  const { apiToken, user, pass } = readCredentials(settings.SETUP_FOLDER)
  if (!apiToken || !user || !pass)
    throw new ConfigError(['There are no secrets yet: start it first'])
  const edge = `${settings.EDGE_BIND}:${settings.EDGE_PORT}`
  console.log(renderScreen({ edge, apiToken, user, pass }))
}

try {
  const [command = 'make', ...more] = process.argv.slice(2)
  if (command === 'make' && more.length === 0) make(process.env)
  else if (command === 'show' && more.length === 0) show(process.env)
  else throw new ConfigError([USAGE])
} catch (error) {
  process.stderr.write(`${error instanceof ConfigError ? error.message : describeError(error)}\n`)
  process.exitCode = error instanceof ConfigError ? 2 : 1
}
