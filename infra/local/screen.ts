import { relative } from 'node:path'
import type { LocalSettings } from './settings.ts'
import type { Running } from './stack.ts'

/** All that a newcomer needs to publish a first message and to see it arrive. */
export function screen({ url, broker, hasEdge }: Running, settings: LocalSettings): string {
  const { apiToken, relays, home } = settings
  const exchanges = [...new Set(relays.map(({ exchange }) => exchange))]
  const rows = [
    ['Publish', exchanges.map((exchange) => publishUrl(url, exchange)).join('\n')],
    ['Token', apiToken],
    ['Health', `${url}/health`],
    ['Listeners', relays.map(({ exchange, queue }) => `${exchange} -> ${queue}`).join('\n')],
    ...consoleRows(url, hasEdge, broker.console),
    ['Broker', brokerText(broker)],
    ['Data, logs', relative(process.cwd(), home) || home],
  ]
  return [
    '',
    'Warren is running.',
    '',
    ...rows.flatMap(([label = '', text = '']) => row(label, text)),
    '',
    'Publish a message (paste this into another terminal):',
    '',
    `  ${curlLine(publishUrl(url, exchanges[0] as string), apiToken)}`,
    '',
    'Stop with Ctrl-C: it stops all of this and nothing else; messages in durable queues stay.',
    '',
  ].join('\n')
}

const row = (label: string, text: string): string[] =>
  text.split('\n').map((line, index) => `  ${(index === 0 ? label : '').padEnd(12)}${line}`)

function consoleRows(url: string, hasEdge: boolean, console: Running['broker']['console']) {
  if (console === undefined) return []
  return [
    ['Console', hasEdge ? `${url}/rabbitmq/` : console.url],
    ['', `user ${console.user}, password ${console.pass}`],
  ]
}

function brokerText({ url, console }: Running['broker']): string {
  const { protocol, host } = new URL(url)
  return `${protocol}//${host}${console === undefined ? '' : ' with the same user and password'}`
}

/** Where messages for this exchange are posted. */
export const publishUrl = (url: string, exchange: string): string =>
  `${url}/publish/${encodeURIComponent(exchange)}`

/** The predecessor's request as a line for any shell that knows single quotes. */
function curlLine(address: string, token: string): string {
  const authorization = quoted(`Authorization: Bearer ${token}`)
  return `curl -i ${address} -H ${authorization} -H 'Content-Type: application/json' -d '{"hello": "Gonzalo"}'`
}

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
