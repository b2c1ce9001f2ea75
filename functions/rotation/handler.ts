import { createLog } from '#lib/log.ts'
import { createSecretStore } from '#lib/secret-store.ts'
import { createRotation, type RotationEvent } from './rotation.ts'
import { readRotation } from './settings.ts'

/** Called by Secrets Manager; the settings are read then, so that it is told what is wrong with them. */
export async function handler(event: RotationEvent): Promise<void> {
  const settings = readRotation(process.env)
  const log = createLog({ level: settings.logLevel, fields: { function: 'rotation' } })
  const rotate = createRotation({ settings, secrets: createSecretStore(), log })
  await rotate(event).catch((error) => {
    // Secrets Manager shows no reason to anybody: the log does.
    log.error({ step: event.Step, err: error }, 'rotation failed')
    throw error
  })
}
