import { block, type Lines } from './blocks.ts'
import { addressLimits, tokenLimit } from './limits.ts'
import type { EdgeSettings } from './settings.ts'
import type { Upstream } from './values.ts'

/** Ends what must not be passed on; see requestMaps. */
export const REFUSE: Lines = [
  ...block('if ($edge_refused)', ['return 400;']),
  ...block('if ($edge_strange_method)', ['return 405;']),
]
const NOT_FOUND = ['return 404;']

/** Name of the group of kept connections; see {@link apiUpstream}. */
const KEPT = 'edge_api'

/**
 * Kept connections to an API at a fixed address. A name has none: before 1.27.3 nginx looks up the
 * names of such a group once, at its start, and does not start when they are not there yet.
 */
export const apiUpstream = ({ api }: EdgeSettings): Lines =>
  isKept(api)
    ? block(`upstream ${KEPT}`, [
        `server ${authority(api)};`,
        'keepalive 32;',
        // Shorter than Node's 5 s: a connection that is just being closed is never used.
        'keepalive_timeout 4s;',
      ])
    : []

const isKept = ({ named, scheme }: Upstream) => !named && scheme === 'http'
const authority = ({ host, port }: Upstream) => `${host}:${port}`

/** All paths that are not the console's. */
export const apiLocation = (settings: EdgeSettings): Lines =>
  block(
    'location /',
    REFUSE,
    addressLimits(settings),
    tokenLimit(settings),
    forward(settings.api, settings.caFile),
    [
      // An https upstream may serve several hosts: it must be asked for by its own name.
      `proxy_set_header Host ${settings.api.scheme === 'https' ? '$proxy_host' : '$host'};`,
      `proxy_set_header Connection ${isKept(settings.api) ? '""' : 'close'};`,
      // An answer within 8 s of the last byte is promised. The API itself has 7 s once it has the body; what it
      // cannot keep (it stands still, or a function starts anew) the edge keeps in its place, on a busy machine, too.
      'proxy_send_timeout 7600ms;',
      'proxy_read_timeout 7600ms;',
      'proxy_redirect off;',
      // A value with a variable is looked up when a request comes, never at nginx's start.
      `proxy_pass ${apiOrigin(settings.api)}$request_uri;`,
    ],
  )

const apiOrigin = (api: Upstream) => (isKept(api) ? `http://${KEPT}${api.base}` : originOf(api))
const originOf = (upstream: Upstream) =>
  `${upstream.scheme}://${authority(upstream)}${upstream.base}`

/** `/rabbitmq/`; without a console nothing is there, and nothing is passed on. */
export function consoleLocations(settings: EdgeSettings): Lines {
  const { console } = settings
  if (console === undefined) {
    return ['= /rabbitmq', '^~ /rabbitmq/'].flatMap((at) => block(`location ${at}`, NOT_FOUND))
  }
  return [
    ...block('location = /rabbitmq', ['return 301 /rabbitmq/;']),
    ...block(
      'location ^~ /rabbitmq/',
      REFUSE,
      block('if ($edge_console_uri = "")', NOT_FOUND),
      // A proxy's own address stands for everybody who comes through it.
      settings.trustedProxies.map((proxy) => `deny ${proxy};`),
      console.allow.map((address) => `allow ${address};`),
      ['deny all;'],
      addressLimits(settings),
      forward(console.upstream, settings.caFile),
      [
        'proxy_set_header Host $proxy_host;',
        'proxy_set_header Connection close;',
        'proxy_redirect ~^(?:https?://[^/]+)?/(.*)$ /rabbitmq/$1;',
        `proxy_pass ${originOf(console.upstream)}$edge_console_uri;`,
      ],
    ),
  ]
}

/** How every request is passed on. What a client says of its own way here counts for nothing. */
const forward = (upstream: Upstream, caFile: string): Lines => [
  'proxy_http_version 1.1;',
  // A publish is never sent twice behind the caller's back.
  'proxy_next_upstream off;',
  'proxy_connect_timeout 2s;',
  // Answers never touch the disk; what is behind us never steers nginx.
  'proxy_max_temp_file_size 0;',
  'proxy_ignore_headers X-Accel-Redirect X-Accel-Expires X-Accel-Limit-Rate X-Accel-Buffering X-Accel-Charset;',
  'proxy_set_header X-Request-Id $request_id;',
  'proxy_set_header X-Real-IP $remote_addr;',
  'proxy_set_header X-Forwarded-For $remote_addr;',
  'proxy_set_header X-Forwarded-Proto $scheme;',
  'proxy_set_header X-Forwarded-Host $host;',
  'proxy_set_header X-Forwarded-Port $server_port;',
  'proxy_set_header Forwarded "";',
  'proxy_set_header Proxy "";',
  ...(upstream.scheme === 'https' ? upstreamTls(caFile) : []),
]

const upstreamTls = (caFile: string): Lines => [
  'proxy_ssl_server_name on;',
  'proxy_ssl_protocols TLSv1.2 TLSv1.3;',
  'proxy_ssl_verify on;',
  'proxy_ssl_verify_depth 3;',
  `proxy_ssl_trusted_certificate "${caFile}";`,
]
