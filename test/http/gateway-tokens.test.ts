import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startTestGateway } from '../support/gateway.ts'

/** Starts a gateway that must not come up; gives what it said. */
async function refused(t: TestContext, env: Record<string, string>): Promise<string> {
  const starting = startTestGateway(t, { AMQP_URL: 'amqp://127.0.0.1:1', ...env })
  const error = await starting.then(
    () => assert.fail('it started'),
    (thrown: Error) => thrown,
  )
  assert.match(error.message, /exit code 2/)
  assert.doesNotMatch(error.message, /\n\s+at /)
  return error.message
}

test('a file of tokens that is not there ends the start, beside all that is wrong', async (t) => {
  const said = await refused(t, {
    API_TOKENS_FILE: '/nowhere/tokens.json',
    AMQP_URL: 'http://host',
  })
  assert.match(said, /API_TOKENS_FILE: cannot read the file \/nowhere\/tokens\.json/)
  assert.match(said, /AMQP_URL must be a URL/)
})

test('a file of tokens that is not valid ends the start, and nothing of it is shown', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'warren-tokens-'))
  t.after(() => rm(folder, { recursive: true }))
  const API_TOKENS_FILE = join(folder, 'tokens.json')
  for (const [text, says] of [
    ['hidden', /API_TOKENS_FILE: it is not JSON/],
    [
      '{"tokens":[{"name":"a","sha256":"hidden"}]}',
      /API_TOKENS_FILE: tokens\.0\.publish is missing/,
    ],
  ] as const) {
    await writeFile(API_TOKENS_FILE, text)
    const said = await refused(t, { API_TOKENS_FILE })
    assert.match(said, says)
    assert.doesNotMatch(said, /hidden/)
  }
})
