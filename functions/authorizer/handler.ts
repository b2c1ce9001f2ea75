import middy from '@middy/core'
import type { APIGatewayAuthorizerResult, APIGatewayRequestAuthorizerEvent } from 'aws-lambda'
import { coldStart } from '#functions/cold-start.ts'
import { createTokenSet } from '#lib/auth/token-set.ts'
import { tokenSources } from '#lib/auth/token-sources.ts'
import { readHttp } from '#lib/config.ts'
import { createLog } from '#lib/log.ts'
import { createAuthorizer } from './authorizer.ts'

const startLog = createLog({ fields: { function: 'authorizer' } })

const authorize = coldStart(
  () => {
    const settings = readHttp(process.env)
    const log = createLog({ level: settings.logLevel, fields: { function: 'authorizer' } })
    // serverless-offline sets IS_OFFLINE, and we let it listen on 127.0.0.1 only.
    const loopbackOnly = process.env['IS_OFFLINE'] === 'true'
    const tokens = createTokenSet({ ...tokenSources(settings, loopbackOnly), log })
    // While a function starts, Lambda gives it a whole processor; afterwards 800 ms may be too little
    // for loading the SDK and reading the secret.
    tokens.prefetch()
    return createAuthorizer({ tokens, log })
  },
  startLog,
  'internal',
)

// No error mapper here: API Gateway itself answers, `Unauthorized` with 401 and any other error with 500.
export const handler = middy<APIGatewayRequestAuthorizerEvent, APIGatewayAuthorizerResult>(
  async (event: APIGatewayRequestAuthorizerEvent) => authorize()(event),
)
