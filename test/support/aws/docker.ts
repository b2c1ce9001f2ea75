import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { json } from 'node:stream/consumers'
import type { Account } from './account.ts'

const CLIENT = join(import.meta.dirname, 'docker.cjs')

/** Puts a `docker` into a folder, for the front of PATH. It builds nothing: it says what it is to do. */
export function putDocker(folder: string): void {
  mkdirSync(folder, { recursive: true })
  const file = join(folder, 'docker')
  writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' '${CLIENT}' "$@"\n`)
  chmodSync(file, 0o755)
}

interface Asked {
  readonly args: readonly string[]
  readonly input: string
}

/** Takes what that `docker` is asked to do, and images that it pushes; whether it was one of its requests. */
export async function takeDocker(
  account: Account,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<boolean> {
  if (request.method !== 'POST' || request.url !== '/docker') return false
  const { args, input } = (await json(request)) as Asked
  account.docker.push(args.join(' '))
  const refusal = refuse(account, args, input)
  response.writeHead(refusal === undefined ? 200 : 403)
  response.end(refusal ?? '28.0.0')
  return true
}

/** Why it is not done; what a push brings is there afterwards. */
function refuse(account: Account, args: readonly string[], input: string): string | undefined {
  const [command, ...rest] = args
  if (command === 'version' || command === 'build') return undefined
  if (command === 'login') return input === account.registryPassword ? undefined : 'denied'
  if (command !== 'push') return `unknown command ${command}`
  const [, repository = '', tag = ''] = /^[^/]+\/(.+):([^:]+)$/.exec(rest[0] ?? '') ?? []
  const images = account.repositories.get(repository)
  if (!account.docker.some((line) => line.startsWith('login '))) return 'no basic auth credentials'
  if (images === undefined) return `name unknown: ${repository}`
  if (
    !account.docker.some(
      (line) => line.startsWith('build ') && line.includes(`${repository}:${tag}`),
    )
  ) {
    return `tag does not exist: ${rest[0]}`
  }
  images.set(tag, `sha256:${tag}`)
  return undefined
}
