import { block, type Lines } from './blocks.ts'
import type { EdgeSettings } from './settings.ts'

/** The counters behind the limits that are on; {@link addressLimits} and {@link tokenLimit} use them. */
export function limitZones(settings: EdgeSettings): Lines {
  const { ratePerToken, ratePerAddress, connectionsPerAddress } = settings
  return [
    ...ADDRESS_KEY,
    ...TOKEN_KEY,
    ...on(connectionsPerAddress, 'limit_conn_zone $edge_address zone=edge_connections:10m;'),
    ...on(
      ratePerAddress,
      `limit_req_zone $edge_address zone=edge_addresses:10m ${rate(ratePerAddress)};`,
    ),
    ...on(ratePerToken, `limit_req_zone $edge_token zone=edge_tokens:10m ${rate(ratePerToken)};`),
    'limit_conn_status 429;',
    'limit_req_status 429;',
  ]
}

// Whoever has an IPv6 address has a whole /64 of them.
const ADDRESS_KEY = block('map $binary_remote_addr $edge_address', [
  'default $binary_remote_addr;',
  String.raw`"~(?s)^(?<edge_network>.{8}).{8}\z" $edge_network;`,
])

// Without the scheme, whose spelling is free; the end of a token is enough to tell it from others,
// and an endless one cannot fill the counters' memory. Nothing is counted where there is none.
const TOKEN_KEY = block('map $http_authorization $edge_token', [
  String.raw`"~(?<edge_token_end>\S{1,64})\s*$" $edge_token_end;`,
])

const on = (limit: number, line: string): Lines => (limit === 0 ? [] : [line])
const rate = (perSecond: number) => `rate=${perSecond}r/s`

/** The limits of one address, for every location that passes requests on. */
export const addressLimits = ({ ratePerAddress, connectionsPerAddress }: EdgeSettings): Lines => [
  ...on(connectionsPerAddress, `limit_conn edge_connections ${connectionsPerAddress};`),
  ...on(ratePerAddress, `limit_req zone=edge_addresses ${burst(ratePerAddress)};`),
]

/** The limit of one token. */
export const tokenLimit = ({ ratePerToken }: EdgeSettings): Lines =>
  on(ratePerToken, `limit_req zone=edge_tokens ${burst(ratePerToken)};`)

const burst = (perSecond: number) => `burst=${2 * perSecond} nodelay`
