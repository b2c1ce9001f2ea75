import { isIPv6 } from 'node:net'
import { block, type Lines } from './blocks.ts'
import { limitZones } from './limits.ts'
import { apiLocation, apiUpstream, consoleLocations, REFUSE } from './locations.ts'
import { PROBLEM_LOCATION, problemPages } from './problems.ts'
import { accessLog, realAddress, requestMaps } from './request.ts'
import type { EdgeSettings, TlsSettings } from './settings.ts'
import { tlsLines } from './tls.ts'

/**
 * The configuration of the edge: one for the local stack, compose, swarm and ECS. It needs nginx
 * 1.22 or later with its standard modules. Its paths are relative to nginx's prefix (`-p`): a folder
 * of its own with a folder `temp` in it is all that nginx writes to.
 */
export const renderNginxConf = (settings: EdgeSettings): string =>
  `${[...PROCESS, ...http(settings)].join('\n')}\n`

const PROCESS: Lines = [
  'daemon off;',
  'pid nginx.pid;',
  'error_log stderr notice;',
  // Two processes of 4096 connections: a request has one on each side, and a file for a large body.
  'worker_processes 2;',
  'worker_rlimit_nofile 10240;',
  'worker_shutdown_timeout 10s;',
  ...block('events', ['worker_connections 4096;']),
]

const http = (settings: EdgeSettings): Lines =>
  block(
    'http',
    TEMP,
    [
      // At the level `error`, every line about a request holds its query.
      'error_log stderr crit;',
      'server_tokens off;',
      'absolute_redirect off;',
      'merge_slashes off;',
      // Dropped, an AMQP-* header with an underscore would be a setting lost; the API refuses it.
      'underscores_in_headers on;',
      'ignore_invalid_headers off;',
    ],
    bounds(settings),
    accessLog(settings),
    requestMaps(),
    realAddress(settings),
    limitZones(settings),
    settings.resolvers.length === 0
      ? []
      : [`resolver ${settings.resolvers.join(' ')} valid=2s ipv6=off;`, 'resolver_timeout 2s;'],
    apiUpstream(settings),
    problemPages(settings.maxBodyBytes),
    securityHeaders(settings),
    ...servers(settings),
  )

const TEMP: Lines = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
  (name) => `${name}_temp_path temp/${name};`,
)

// A body is taken in whole before the API hears of it: a slow caller costs the edge a file, not the
// API memory, and of a body that never ends nothing is ever published.
const bounds = ({ maxBodyBytes }: EdgeSettings): Lines => [
  `client_max_body_size ${maxBodyBytes};`,
  'client_body_buffer_size 64k;',
  'client_header_timeout 10s;',
  'client_body_timeout 15s;',
  'send_timeout 15s;',
  'reset_timedout_connection on;',
  'keepalive_timeout 65s;',
  // A caller who is still sending a body that is too large must be able to read why it was refused.
  'lingering_time 30s;',
  'lingering_timeout 5s;',
  // As much as Node takes in all (16 KiB) may stand in one line.
  'large_client_header_buffers 4 16k;',
]

function servers(settings: EdgeSettings): readonly Lines[] {
  const { tls } = settings
  const plain = `listen ${address(settings, settings.port)};`
  if (tls === undefined) return [server(settings, [plain])]
  const secure = [`listen ${address(settings, tls.port)} ssl;`, ...tlsLines(tls)]
  if (!tls.redirect) return [server(settings, [plain, ...secure])]
  return [redirecting(plain, tls), server(settings, secure)]
}

const server = (settings: EdgeSettings, listen: Lines): Lines =>
  block(
    'server',
    listen,
    // The Host of a caller of HTTP/1.0 that has none.
    ['server_name warren;'],
    PROBLEM_LOCATION,
    consoleLocations(settings),
    apiLocation(settings),
  )

/** The plain port beside TLS: 308 keeps the method, so that a POST stays one. */
const redirecting = (listen: string, { publicPort }: TlsSettings): Lines =>
  block(
    'server',
    [listen],
    PROBLEM_LOCATION,
    block('location /', REFUSE, [
      `return 308 https://$host${publicPort === 443 ? '' : `:${publicPort}`}$request_uri;`,
    ]),
  )

function address({ host }: EdgeSettings, port: number): string {
  if (!isIPv6(host)) return `${host}:${port}`
  return `[${host}]:${port}${host === '::' ? ' ipv6only=off' : ''}`
}

/** Headers of every answer; a location that adds one of its own would lose these. */
const securityHeaders = ({ tls }: EdgeSettings): Lines => [
  ...block('map $scheme $edge_hsts', tls?.redirect ? ['https "max-age=31536000";'] : []),
  ...[
    ['X-Content-Type-Options', 'nosniff'],
    ['X-Frame-Options', 'DENY'],
    ['Referrer-Policy', 'no-referrer'],
    ['Strict-Transport-Security', '$edge_hsts'],
  ].flatMap(([name, value]) => [
    `proxy_hide_header ${name};`,
    `add_header ${name} ${value} always;`,
  ]),
]
