import { join } from 'node:path'
import { renderNginxConf } from '#infra/edge/nginx-conf.ts'
import { readEdge } from '#infra/edge/settings.ts'
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

/** Starts the edge on 127.0.0.1, with the console when there is one. */
export const startEdge = ({ bin, port, apiUrl, consoleUrl, home }: EdgeOptions): Promise<Child> => {
  const settings = readEdge(
    defined({
      EDGE_PORT: String(port),
      API_URL: apiUrl,
      CONSOLE_ENABLED: consoleUrl === undefined ? '0' : '1',
      CONSOLE_URL: consoleUrl,
    }),
  )
  return startNginx({
    bin,
    home: join(home, 'edge'),
    conf: renderNginxConf(settings),
    logFile: join(home, 'logs', 'nginx.log'),
  })
}
