import { choice, type Env, maybe, name, readSettings } from '#lib/config.ts'
import { LOG_LEVELS, type LogLevel } from '#lib/log.ts'

export interface RotationSettings {
  /** The secret with the AMQP URL of an administrator; rotated itself like every other. */
  readonly adminSecretArn: string
  /** The management API, without `/api`. @default https and the host of the administrator's URL */
  readonly managementUrl?: string
  /** Loses its password when the administrator's secret is rotated: CloudFormation has seen it. */
  readonly bootstrapUser?: string
  readonly caFile?: string
  readonly logLevel: LogLevel
}

/**
 * Settings of functions/rotation/handler.ts: `ADMIN_SECRET_ARN`, `MANAGEMENT_URL`, `BOOTSTRAP_USER`,
 * `RABBIT_CA_FILE`, `LOG_LEVEL`. Timeout 60 s. It talks to the broker's ports 5671 and 443 and to Secrets
 * Manager. Beside its log its role needs
 * - `secretsmanager:GetSecretValue` on ADMIN_SECRET_ARN and every rotated secret;
 * - `secretsmanager:DescribeSecret`, `PutSecretValue`, `UpdateSecretVersionStage` on every rotated one.
 *
 * It is invoked by `secretsmanager.amazonaws.com` (AWS::Lambda::Permission with SourceAccount). A
 * RotationSchedule needs `RotateImmediatelyOnUpdate: false` and depends on the custom resource that
 * fills its secret. It needs a management API.
 * @throws {ConfigError} with every wrong one
 */
export function readRotation(env: Env): RotationSettings {
  const read = readSettings(ROTATION, env)
  return {
    adminSecretArn: read.ADMIN_SECRET_ARN,
    ...(read.MANAGEMENT_URL === undefined ? {} : { managementUrl: read.MANAGEMENT_URL }),
    ...(read.BOOTSTRAP_USER === undefined ? {} : { bootstrapUser: read.BOOTSTRAP_USER }),
    ...(read.RABBIT_CA_FILE === undefined ? {} : { caFile: read.RABBIT_CA_FILE }),
    logLevel: read.LOG_LEVEL,
  }
}

const ROTATION = {
  ADMIN_SECRET_ARN: name(),
  MANAGEMENT_URL: maybe(),
  BOOTSTRAP_USER: maybe(),
  RABBIT_CA_FILE: maybe(),
  LOG_LEVEL: choice(LOG_LEVELS, 'info'),
}
