import { withConnection } from '#lib/amqp/inspect.ts'
import { defined } from '#lib/defined.ts'
import { describeError, type Log } from '#lib/log.ts'
import { createManagement, type Management } from '#lib/management/client.ts'
import {
  isLoginUrl,
  loginOf,
  managementUrlOf,
  newPassword,
  otherUser,
  withLogin,
} from '#lib/management/login.ts'
import type { SecretStore } from '#lib/secret-store.ts'
import type { RotationSettings } from './settings.ts'

/** What Secrets Manager asks: four steps, each perhaps more than once, with one token. */
export interface RotationEvent {
  readonly Step: string
  readonly SecretId: string
  /** The id of the version that is to become the current one. */
  readonly ClientRequestToken: string
}

export interface RotationDeps {
  readonly settings: RotationSettings
  readonly secrets: SecretStore
  readonly log: Log
}

const PENDING = 'AWSPENDING'
const CURRENT = 'AWSCURRENT'

/**
 * Makes the function that rotates the AMQP URL in a secret. Two users take turns: the one that is not
 * current gets a new password, then the URL changes over to it. So whoever still has the former URL goes
 * on with it until the next rotation, which ends its connections: those read the secret again.
 * @throws {Error} (the function) the step failed: Secrets Manager tries again, and the URL stays as it is
 */
export function createRotation(deps: RotationDeps): (event: RotationEvent) => Promise<void> {
  const steps: Readonly<Record<string, (rotation: Rotation) => Promise<void>>> = {
    createSecret,
    setSecret,
    testSecret,
    finishSecret,
  }
  return async ({ Step, SecretId: arn, ClientRequestToken: token }) => {
    const step = steps[Step]
    if (step === undefined) throw new Error(`${Step} is no step of a rotation`)
    const stages = await deps.secrets.stages(arn)
    if (stages[token]?.includes(CURRENT)) return // It was done before.
    if (!stages[token]?.includes(PENDING)) throw new Error(`no version ${token} is pending`)
    await step({ ...deps, arn, token, stages })
    deps.log.info({ step: Step, arn }, 'done')
  }
}

interface Rotation extends RotationDeps {
  readonly arn: string
  readonly token: string
  readonly stages: Readonly<Record<string, readonly string[]>>
}

/** The other user, with a new password. */
async function createSecret({ secrets, arn, token }: Rotation): Promise<void> {
  const version = { id: token, stage: PENDING }
  if ((await secrets.read(arn, version)) !== undefined) return
  const current = await urlIn(secrets, arn)
  const login = { user: otherUser(loginOf(current).user), password: newPassword() }
  await secrets.write(arn, withLogin(current, login), version)
}

/** Gives it that password on the broker, and what the current user has. */
async function setSecret(rotation: Rotation): Promise<void> {
  const current = loginOf(await urlIn(rotation.secrets, rotation.arn))
  const next = loginOf(await pendingUrl(rotation))
  const management = await managementOf(rotation)
  const model = await management.user(current.user)
  if (model === undefined) throw new Error(`the broker has no user ${current.user}`)
  await management.putUser(next.user, { password: next.password, tags: model.tags })
  for (const permissions of await management.permissionsOf(current.user)) {
    await management.putPermissions(next.user, permissions)
  }
  // Who logged in before the last rotation: a password that is no longer valid lets nobody stay.
  await management.closeConnectionsOf(next.user)
}

async function testSecret(rotation: Rotation): Promise<void> {
  const url = await pendingUrl(rotation)
  const { caFile } = rotation.settings
  const options = defined({ url, caFile, connectionName: 'warren rotation' })
  await withConnection(options, async () => {})
  if (!isAdministrators(rotation)) return
  const { user } = loginOf(url)
  if ((await apiAs(rotation, url).user(user)) === undefined) throw new Error(`no user ${user}`)
}

async function finishSecret(rotation: Rotation): Promise<void> {
  const { secrets, arn, token, stages, settings, log } = rotation
  const [former] = Object.entries(stages).find(([, labels]) => labels.includes(CURRENT)) ?? []
  await secrets.makeCurrent(arn, token, former)
  const { bootstrapUser } = settings
  if (bootstrapUser === undefined || !isAdministrators(rotation)) return
  await (await managementOf(rotation)).disableUser(bootstrapUser).catch((error) => {
    // The rotation is over and good; the next one tries this again.
    log.error({ err: describeError(error), bootstrapUser }, 'user not disabled')
  })
}

const isAdministrators = ({ arn, settings }: Rotation) => arn === settings.adminSecretArn

async function urlIn(secrets: SecretStore, arn: string): Promise<string> {
  const url = await secrets.read(arn)
  if (!isLoginUrl(url)) throw new Error(`${arn} holds no AMQP URL with user and password`)
  return url
}

async function pendingUrl({ secrets, arn, token }: Rotation): Promise<string> {
  const url = await secrets.read(arn, { id: token, stage: PENDING })
  if (!isLoginUrl(url)) throw new Error(`the pending version of ${arn} holds no AMQP URL`)
  return url
}

/** As the administrator who is the current one. */
async function managementOf(rotation: Rotation): Promise<Management> {
  return apiAs(rotation, await urlIn(rotation.secrets, rotation.settings.adminSecretArn))
}

function apiAs({ settings }: Rotation, amqpUrl: string): Management {
  const { managementUrl, caFile } = settings
  const url = managementUrlOf(amqpUrl, managementUrl)
  return createManagement(defined({ url, amqpUrl, caFile }))
}
