import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createAuthorizer } from '#functions/authorizer/authorizer.ts'
import { unpackGrants } from '#lib/auth/grants.ts'
import { createTokenSet } from '#lib/auth/token-set.ts'
import { digestOf, type Token } from '#lib/auth/tokens.ts'
import { remainingMs } from '#lib/deadline.ts'
import { authorizerEvent } from '../support/events.ts'
import { recordedLog } from '../support/requests.ts'

const TOKEN = 'Zb3-9f_qT7.xL0~kR8+vN2/mW5cD1hJ4=='
const token: Token = {
  name: 'billing',
  digest: digestOf(TOKEN),
  publish: [{ exchange: 'orders', routingKeys: ['eu.*'] }, { exchange: 'logs' }],
}

const { log, lines } = recordedLog()
const tokens = createTokenSet({ fixed: [token], sources: [], log })
const authorize = createAuthorizer({ tokens, log })
const ask = (headers: Record<string, string[]>) => authorize(authorizerEvent(headers))

describe('the authorizer', () => {
  test('allows the whole API to a known caller, and says in texts who he is and what he may', async () => {
    const { principalId, policyDocument, context } = await ask({
      Authorization: [`Bearer ${TOKEN}`],
    })
    assert.equal(principalId, 'billing')
    assert.deepEqual(policyDocument.Statement, [
      {
        Action: 'execute-api:Invoke',
        Effect: 'Allow',
        Resource: 'arn:aws:execute-api:eu-west-1:123456789012:a1b2c3d4e5/dev/*',
      },
    ])
    assert.deepEqual(Object.keys(context ?? {}), ['principal', 'grants'])
    assert.equal(context?.['principal'], 'billing')
    assert.deepEqual(unpackGrants(String(context?.['grants'])), token.publish)
  })

  for (const name of ['authorization', 'AUTHORIZATION']) {
    test(`finds the header ${name}`, async () => {
      assert.equal((await ask({ [name]: [`bearer ${TOKEN}`] })).principalId, 'billing')
    })
  }

  for (const headers of [
    {},
    { Authorization: [] },
    { Authorization: [TOKEN] },
    { Authorization: ['Bearer other'] },
    { Authorization: [`Bearer ${TOKEN}`, `Bearer ${TOKEN}`] },
    { Authorization: [`Bearer ${TOKEN}`], authorization: ['Bearer other'] },
    { 'X-Authorization': [`Bearer ${TOKEN}`] },
  ] as Record<string, string[]>[]) {
    test(`says Unauthorized to ${JSON.stringify(headers).replaceAll(TOKEN, 'T')}`, () =>
      assert.rejects(ask(headers), { message: 'Unauthorized' }))
  }

  test('never allows a token that differs, and logs none', async () => {
    const change = fc
      .tuple(fc.nat(TOKEN.length), fc.string({ maxLength: 2 }), fc.nat(2))
      .map(([at, insert, drop]) => TOKEN.slice(0, at) + insert + TOKEN.slice(at + drop))
    await fc.assert(
      fc.asyncProperty(fc.oneof(change, fc.string()), async (presented) => {
        fc.pre(presented.trim() !== TOKEN)
        await assert.rejects(ask({ Authorization: [`Bearer ${presented}`] }), {
          message: 'Unauthorized',
        })
      }),
      { numRuns: 1_000 },
    )
    assert.doesNotMatch(JSON.stringify(lines), /Zb3-9f/)
  })

  test('is done within 800 ms, the reading of tokens included', async () => {
    let left = 0
    const slow = createAuthorizer({
      log,
      tokens: {
        find: async (_, deadline) => {
          left = remainingMs(deadline)
          throw new Error('the secret store is away')
        },
      },
    })
    const event = authorizerEvent({ Authorization: [`Bearer ${TOKEN}`] })
    // Not "Unauthorized": a valid token must not be called unknown.
    await assert.rejects(slow(event), /is away/)
    assert.ok(left > 500 && left <= 800, String(left))
  })
})
