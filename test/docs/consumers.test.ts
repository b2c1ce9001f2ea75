import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '#infra/local/settings.ts'
import { consumerCases } from '../support/consumer-cases.ts'

consumerCases({
  fence: 'js',
  file: 'consumer.mjs',
  command: process.execPath,
  prepare: (folder) => symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules')),
})
