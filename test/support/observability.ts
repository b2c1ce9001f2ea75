import { readFileSync } from 'node:fs'
import { parse } from 'yaml'

const FOLDER = new URL('../../infra/observability/', import.meta.url)

export const observabilityFile = (name: string): string => new URL(name, FOLDER).pathname

const text = (name: string) => readFileSync(observabilityFile(name), 'utf8')

export interface Rule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** The rules of alerts.yml. */
export const readRules = (): readonly Rule[] =>
  (parse(text('alerts.yml')).groups as { rules: Rule[] }[]).flatMap(({ rules }) => rules)

export interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly datasource?: { readonly type: string; readonly uid: string }
  readonly gridPos: {
    readonly h: number
    readonly w: number
    readonly x: number
    readonly y: number
  }
  readonly targets?: readonly { readonly refId: string; readonly expr: string }[]
}

export interface Dashboard {
  readonly panels: readonly Panel[]
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string }[]
  }
}

export const readDashboard = (): Dashboard => JSON.parse(text('dashboard.json'))

/** One entry of scrape_configs in prometheus.yml. */
export interface ScrapeConfig {
  readonly job_name: string
  readonly metrics_path?: string
  readonly params?: Readonly<Record<string, readonly string[]>>
}

export const readScrapeConfigs = (): readonly ScrapeConfig[] =>
  parse(text('prometheus.yml')).scrape_configs

/** The queries of all panels, with Grafana's variables filled in as for "All". */
export const dashboardQueries = (): string[] =>
  readDashboard()
    .panels.flatMap(({ targets = [] }) => targets)
    .map(({ expr }) => expr.replaceAll('$__rate_interval', '1m').replace(/"\$\w+"/g, '".*"'))

/** Names of metrics in PromQL that come from Warren, the broker, or a Node process. */
const metricNames = (promql: string): string[] =>
  promql.match(/\b(?:warren|rabbitmq|process|nodejs)_\w+/g) ?? []

/** All names in rules and dashboard. */
export const namesInUse = (): ReadonlySet<string> =>
  new Set([...readRules().map(({ expr }) => expr), ...dashboardQueries()].flatMap(metricNames))

/** The names that a text of /metrics has samples of, or would have. */
export function exposedNames(exposition: string): ReadonlySet<string> {
  const names = [...exposition.matchAll(/^# TYPE (\S+) (\S+)$/gm)].flatMap(([, name, type]) =>
    type === 'histogram' ? ['_bucket', '_sum', '_count'].map((part) => name + part) : [name],
  )
  return new Set(names as string[])
}
