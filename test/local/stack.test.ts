import assert from 'node:assert/strict'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { howToInstall } from '#infra/local/install/programs.ts'
import { publishOnce } from '#infra/local/once.ts'
import { createParts } from '#infra/local/parts.ts'
import { screen } from '#infra/local/screen.ts'
import { readLocal } from '#infra/local/settings.ts'
import { startStack } from '#infra/local/stack.ts'
import { ConfigError } from '#lib/config.ts'
import { startBroker } from '../support/broker.ts'
import { ownHome } from '../support/stack.ts'

/** Neither a program nor an engine, nor a setting of the shell. */
const NOTHING = { programs: {}, inDocker: { broker: false, edge: false }, env: {} }

test('without RabbitMQ and AMQP_URL it says what to run, and starts nothing', async (t) => {
  const settings = readLocal({ WARREN_HOME: ownHome(t) })
  const parts = createParts()
  const starting = startStack({ ...NOTHING, settings, parts, say: () => {} })
  await assert.rejects(
    starting,
    (error) =>
      error instanceof ConfigError && error.message.includes(howToInstall('rabbitmq', 'nginx')),
  )
})

test('with a broker of yours and without nginx everything else runs', async (t) => {
  const broker = await startBroker()
  t.after(() => broker.dispose())
  const home = ownHome(t)
  mkdirSync(join(home, 'logs'))
  const settings = readLocal({ WARREN_HOME: home, AMQP_URL: broker.amqpUrl })
  const parts = createParts()
  t.after(() => parts.stop())
  const said: string[] = []
  const say = (line: string) => void said.push(line)

  const running = await startStack({ ...NOTHING, settings, parts, say })
  assert.equal(running.hasEdge, false)
  assert.ok(said.some((line) => line.startsWith('nginx is missing') && line.includes('nginx')))
  assert.ok(await publishOnce(running, settings, say), said.join('\n'))
  const shown = screen(running, settings)
  assert.doesNotMatch(shown, /Console|password/)
  assert.match(shown, new RegExp(`Publish +${running.url}/publish/exchange`))
})
