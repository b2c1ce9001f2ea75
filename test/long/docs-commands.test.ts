import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { ROOT } from '#infra/local/settings.ts'
import { startBroker } from '../support/broker.ts'

test('every rabbitmqctl command of the documents that only looks does work', async () => {
  const texts = globSync('docs/*.md', { cwd: ROOT }).map((file) =>
    readFileSync(join(ROOT, file), 'utf8'),
  )
  const found = texts.join('\n').matchAll(/rabbitmqctl ((?:status|list_\w+)[^`\n]*)/g)
  const commands = new Set([...found].map(([, command]) => (command as string).trim()))
  assert.ok(commands.size >= 8, [...commands].join('\n'))
  await using broker = await startBroker()
  for (const command of commands) await broker.ctl('--quiet', ...command.split(' '))
})
