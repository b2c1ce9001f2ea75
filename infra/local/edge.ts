import { join } from 'node:path'
import { renderNginxConf } from '#infra/edge/nginx-conf.ts'
import { readEdge } from '#infra/edge/settings.ts'
import type { Env } from '#lib/config.ts'
import { defined } from '#lib/defined.ts'
import type { Child } from './child.ts'
import { startNginx } from './nginx.ts'

export interface EdgeOptions {
  /** See findNginx. */
  readonly bin: string
  readonly port: number
  readonly apiUrl: string
  /** Absent: no `/rabbitmq/`. */
  readonly consoleUrl: string | undefined
  /** WARREN_HOME. */
  readonly home: string
}

/** The configuration of an edge on 127.0.0.1, with the console when there is one. */
export const edgeConf = (
  { port, apiUrl, consoleUrl }: Pick<EdgeOptions, 'port' | 'apiUrl' | 'consoleUrl'>,
  more: Env = {},
): string =>
  renderNginxConf(
    readEdge(
      defined({
        EDGE_PORT: String(port),
        API_URL: apiUrl,
        CONSOLE_ENABLED: consoleUrl === undefined ? '0' : '1',
        CONSOLE_URL: consoleUrl,
        ...more,
      }),
    ),
  )

/** Starts the edge. @throws {ChildFailed} with what nginx said, e.g. that its port is taken */
export const startEdge = (options: EdgeOptions): Promise<Child> =>
  startNginx({
    bin: options.bin,
    home: join(options.home, 'edge'),
    conf: edgeConf(options),
    logFile: join(options.home, 'logs', 'nginx.log'),
  })
