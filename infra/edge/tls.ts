import { type Lines, quoted } from './blocks.ts'
import type { TlsSettings } from './settings.ts'

// Mozilla's guideline 5.7, "intermediate", without DHE (it would need parameters of one's own).
const INTERMEDIATE = [
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
]

// The same guideline's "old" adds these, without 3DES. OpenSSL 3 has TLS 1.0 and 1.1, whose
// signatures use SHA-1, at its security level 0 only.
const OLD = [
  ...INTERMEDIATE,
  'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-RSA-AES128-SHA256',
  'ECDHE-ECDSA-AES128-SHA',
  'ECDHE-RSA-AES128-SHA',
  'ECDHE-ECDSA-AES256-SHA384',
  'ECDHE-RSA-AES256-SHA384',
  'ECDHE-ECDSA-AES256-SHA',
  'ECDHE-RSA-AES256-SHA',
  'AES128-GCM-SHA256',
  'AES256-GCM-SHA384',
  'AES128-SHA256',
  'AES256-SHA256',
  'AES128-SHA',
  'AES256-SHA',
  '@SECLEVEL=0',
]

const PROFILES = {
  intermediate: [
    'ssl_protocols TLSv1.2 TLSv1.3;',
    `ssl_ciphers ${quoted(INTERMEDIATE.join(':'))};`,
    'ssl_prefer_server_ciphers off;',
  ],
  old: [
    'ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3;',
    `ssl_ciphers ${quoted(OLD.join(':'))};`,
    'ssl_prefer_server_ciphers on;',
  ],
} as const satisfies Record<TlsSettings['profile'], Lines>

/** The certificate and what clients may speak. */
export const tlsLines = ({ certFile, keyFile, profile }: TlsSettings): Lines => [
  `ssl_certificate ${quoted(certFile)};`,
  `ssl_certificate_key ${quoted(keyFile)};`,
  ...PROFILES[profile],
  'ssl_session_cache shared:edge_tls:5m;',
  'ssl_session_timeout 1d;',
  // A ticket's key lives as long as the process: without tickets, old traffic stays closed.
  'ssl_session_tickets off;',
]
