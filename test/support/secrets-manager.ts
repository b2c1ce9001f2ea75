import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** A Secrets Manager on loopback that speaks GetSecretValue. */
export interface SecretsManager {
  readonly url: string
  /** Secrets by ARN. */
  readonly secrets: Map<string, string>
  /** The ARNs of the secrets that were handed out. */
  readonly served: string[]
  /** `fail`: answers 500; `silent`: never answers. */
  mode: 'answer' | 'fail' | 'silent'
  close(): Promise<void>
}

export const SECRET_ARN = 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:tokens-AbCdEf'

/** Starts one, and points this process's SDK to it. */
export async function startSecretsManager(): Promise<SecretsManager> {
  const server = createServer((request, response) => {
    if (manager.mode === 'silent') return
    const chunks: Buffer[] = []
    request.on('data', (chunk) => chunks.push(chunk))
    request.on('end', () => answer(manager, Buffer.concat(chunks).toString(), response))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_SECRETS_MANAGER: url,
    AWS_ACCESS_KEY_ID: 'test',
    AWS_SECRET_ACCESS_KEY: 'test',
  })
  const manager: SecretsManager = {
    url,
    secrets: new Map(),
    served: [],
    mode: 'answer',
    close: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return manager
}

function answer(
  { mode, secrets, served }: SecretsManager,
  body: string,
  response: ServerResponse,
): void {
  const { SecretId } = JSON.parse(body) as { SecretId: string }
  const text = secrets.get(SecretId)
  const isThere = mode === 'answer' && text !== undefined
  if (isThere) served.push(SecretId)
  response.writeHead(isThere ? 200 : mode === 'fail' ? 500 : 400, {
    'content-type': 'application/x-amz-json-1.1',
  })
  const missing = { __type: 'ResourceNotFoundException', message: 'not there' }
  response.end(JSON.stringify(isThere ? { ARN: SecretId, SecretString: text } : missing))
}
