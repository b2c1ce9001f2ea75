import { isIP } from 'node:net'
import * as v from 'valibot'
import {
  type Env,
  type HttpSettings,
  readAll,
  readHttp,
  readSettings,
  text,
  whole,
} from './config.ts'

const MIB = 1024 * 1024

/** Settings of the gateway beside those of whatever answers HTTP requests. */
export const GATEWAY = {
  HOST: v.pipe(
    text('127.0.0.1'),
    v.check((host) => host === 'localhost' || isIP(host) !== 0, 'must be an IP address'),
  ),
  PORT: whole(3000, 0, 65535),
  ADMIN_PORT: whole(9090, 0, 65535),
  MAX_INFLIGHT_BYTES: whole(256 * MIB, MIB, 64 * 1024 * MIB),
  MAX_CONNECTIONS: whole(2000, 1, 100_000),
  REQUEST_TIMEOUT_MS: whole(60_000, 1000, 600_000),
  SHUTDOWN_DELAY_MS: whole(0, 0, 600_000),
  SHUTDOWN_GRACE_MS: whole(9000, 0, 600_000),
}

export interface GatewaySettings extends HttpSettings {
  /** Address to listen on, for the admin port as well. */
  readonly host: string
  /** 0: any free one. */
  readonly port: number
  readonly adminPort: number
  /** Bytes of bodies held at once; above, 503 `overloaded`. */
  readonly maxInflightBytes: number
  readonly maxConnections: number
  /** From the first byte of a request to the last of its body. */
  readonly requestTimeoutMs: number
  /** After a stop was asked for: not ready, but serving, until whoever sends requests has noticed. */
  readonly shutdownDelayMs: number
  /** What a stop may take after that: requests under way, their confirms, the connection's close. */
  readonly shutdownGraceMs: number
}

/** The predecessor's limit. */
const MAX_BODY_BYTES = String(20 * MIB)

/** @throws {ConfigError} */
export function readGateway(env: Env): GatewaySettings {
  const { http, gateway } = readAll({
    http: () => readHttp({ ...env, MAX_BODY_BYTES: env['MAX_BODY_BYTES'] || MAX_BODY_BYTES }),
    gateway: () => readSettings(GATEWAY, env),
  })
  return {
    ...http,
    host: gateway.HOST,
    port: gateway.PORT,
    adminPort: gateway.ADMIN_PORT,
    maxInflightBytes: gateway.MAX_INFLIGHT_BYTES,
    maxConnections: gateway.MAX_CONNECTIONS,
    requestTimeoutMs: gateway.REQUEST_TIMEOUT_MS,
    shutdownDelayMs: gateway.SHUTDOWN_DELAY_MS,
    shutdownGraceMs: gateway.SHUTDOWN_GRACE_MS,
  }
}
