import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { createLog } from '#lib/log.ts'
import { emulateGateway } from './offline/gateway.ts'
import type { HapiServer } from './offline/hapi.ts'
import { emulateLambda, type LambdaFunction } from './offline/lambda.ts'
import { useLocalSettings } from './offline/local-settings.ts'
import type { Plugin, Serverless } from './serverless.ts'

/**
 * Lets serverless-offline 14.8 answer as API Gateway does for our API: by itself it reads bodies as
 * text, routes and words its errors in its own way, and answers 200 for some faults of a function.
 * Needs `useInProcess`, `noPrependStageInUrl` and `disableCookieValidation`.
 */
export class OfflineParity implements Plugin {
  readonly hooks: Plugin['hooks']

  constructor(serverless: Serverless) {
    const run = () => prepare(serverless)
    // `serverless offline` and `serverless offline start`: each runs one of them.
    this.hooks = { 'before:offline:start': run, 'before:offline:start:init': run }
  }
}

async function prepare(serverless: Serverless): Promise<void> {
  useLocalSettings(serverless, process.env)
  emulateLambda((await offlineClass<LambdaFunction>('lambda/LambdaFunction.js')).prototype)
  prepareServer((await offlineClass<Http>('events/http/Http.js')).prototype, serverless)
}

/** serverless-offline's HTTP server. */
interface Http {
  /** The last thing that it does to its routes, before it listens. */
  create404Route(): void
  /** Resolves once it listens. */
  start(): Promise<void>
  getServer(): HapiServer
}

function prepareServer(http: Http, { service }: Serverless): void {
  const { create404Route, start } = http
  http.create404Route = function () {
    create404Route.call(this)
    emulateGateway(this.getServer(), service.resources?.Resources ?? {})
  }
  http.start = async function () {
    await start.call(this)
    createLog().info({ event: 'ready', port: this.getServer().info.port }, 'accepting requests')
  }
}

/** A class of serverless-offline's that it does not export: its version is pinned, and tests cover it. */
async function offlineClass<T>(file: string): Promise<{ readonly prototype: T }> {
  const main = createRequire(import.meta.url).resolve('serverless-offline')
  const module = await import(pathToFileURL(join(dirname(main), file)).href)
  return module.default
}
