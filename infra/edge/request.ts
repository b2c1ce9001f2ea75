import { block, type Lines, quoted } from './blocks.ts'
import type { EdgeSettings } from './settings.ts'

// The path comes from the raw request, without the query, which may hold what is nobody's business;
// the same goes for every header but the client's name for itself.
const FIELDS = [
  '"time":"$time_iso8601"',
  '"level":"info"',
  '"message":"request answered"',
  '"requestId":"$request_id"',
  '"address":"$remote_addr"',
  '"method":"$edge_method"',
  '"path":"$edge_path"',
  '"protocol":"$server_protocol"',
  '"status":$edge_status',
  '"bytesIn":$request_length',
  '"bytesOut":$bytes_sent',
  '"seconds":$request_time',
  '"upstream":"$upstream_addr"',
  '"upstreamStatus":"$upstream_status"',
  '"upstreamSeconds":"$upstream_response_time"',
  '"tls":"$ssl_protocol"',
  '"agent":"$http_user_agent"',
]

/** One JSON line per request. */
export const accessLog = ({ accessLog: path }: EdgeSettings): Lines => [
  `log_format edge escape=json '{${FIELDS.join(',')}}';`,
  `access_log ${quoted(path)} edge;`,
]

/** Variables made from the request. */
export const requestMaps = (): Lines => [
  ...block('map $request_uri $edge_path', ['"~^(?<edge_raw_path>[^?]*)" $edge_raw_path;']),
  ...block('map $request_uri $edge_refused', [
    '# nginx chooses a location by the decoded path, what is behind it may read the raw one: a path',
    '# that the two could read differently goes nowhere, nor does what Node would not even parse.',
    'default 0;',
    String.raw`"~[^\x21-\x7e]" 1;`,
    '"~^[^/]" 1;',
    '"~^[^?]*#" 1;',
    '"~^[^?]*//" 1;',
    '"~*^[^?]*%2f%2f" 1;',
    '# The console has the vhost / as a segment of its own: /api/queues/%2F/name.',
    '"~*^(?!/rabbitmq/)[^?]*(?:/|%2f){2}" 1;',
    String.raw`"~*^[^?]*(?:/|%2f)(?:\.|%2e){1,2}(?:/|%2f|\?|$)" 1;`,
  ]),
  ...block('map $request_uri $edge_console_uri', [
    'default "";',
    '"~^/rabbitmq(?<edge_console_rest>/.*)$" $edge_console_rest;',
  ]),
  ...block('map $request_method $edge_strange_method', [
    '# Node refuses to parse a method that it does not know.',
    'default 1;',
    '"~^(?:GET|HEAD|POST|PUT|PATCH|DELETE|OPTIONS)$" 0;',
  ]),
  ...block('map $request $edge_method', [
    '# $request_method is GET on the way to an error page.',
    'default $request_method;',
    '"~^(?<edge_raw_method>[A-Z]+) " $edge_raw_method;',
  ]),
  ...block('map $status $edge_status', [
    '# A response that was never sent has the status 000, which is no JSON number.',
    'default 0;',
    '"~^[1-9]" $status;',
  ]),
]

/** Whose address counts as the client's. */
export const realAddress = ({ trustedProxies, realIpHeader }: EdgeSettings): Lines =>
  trustedProxies.length === 0
    ? []
    : [
        ...trustedProxies.map((proxy) => `set_real_ip_from ${proxy};`),
        `real_ip_header ${realIpHeader};`,
        'real_ip_recursive on;',
      ]
