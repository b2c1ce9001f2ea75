import * as v from 'valibot'

/** One per stack with a management API: vhost, `warren.canary`, administrator, users of the functions. */
export const TOPOLOGY_TYPE = 'Custom::WarrenTopology'
/** One per entry of infra/relays.yml: exchange, queues, binding, user of the relay. */
export const LISTENER_TYPE = 'Custom::WarrenListener'

/** As `ManagementUrl`: there is no management API, or none that we may use. */
export const NO_MANAGEMENT = 'none'

/** What CloudFormation adds to the properties of every custom resource. */
const ADDED = { ServiceToken: v.optional(v.string()), ServiceTimeout: v.optional(v.string()) }

const isUrl = (text: string) => /^https?:$/.test(URL.parse(text)?.protocol ?? '')
const arn = v.pipe(v.string(), v.startsWith('arn:', 'must be the ARN of a secret'))

/**
 * ARN of the secret whose text is the `amqp(s)://` URL of a user who may do all this. Empty before the
 * first deployment on Amazon MQ: then Custom::WarrenTopology makes the user `warren-admin` with the
 * login of `BootstrapSecretArn`, and writes its URL here.
 */
const AdminSecretArn = arn

const user = v.strictObject({
  /** Of the first of its two users; the other has `.2` behind it (functions/rotation). */
  Name: v.pipe(v.string(), v.regex(/^[\w-]{1,100}$/, 'must be of A-Z, a-z, 0-9, _ and -')),
  /**
   * The secret that gets its AMQP URL. When there is one in it already, the user gets the name and
   * password of that URL: what works is not changed.
   */
  SecretArn: arn,
  Configure: v.string(),
  Write: v.string(),
  Read: v.string(),
})

const topology = v.strictObject({
  ...ADDED,
  AdminSecretArn,
  /** The management API, without `/api`. @default the setting MANAGEMENT_URL */
  ManagementUrl: v.optional(v.pipe(v.string(), v.check(isUrl, 'must be an http(s) URL'))),
  /** `amqps://host:5671`: what the users' URLs begin with. */
  AmqpEndpoint: v.pipe(v.string(), v.regex(/^amqps?:\/\/[^/@]+$/, 'must be amqps://host:port')),
  Vhost: v.pipe(v.string(), v.nonEmpty('must not be empty')),
  /** ARN of `{"username":"…","password":"…"}`: the user that Amazon MQ made with the broker. */
  BootstrapSecretArn: v.optional(arn),
  /** Of the functions that connect to the broker. */
  Users: v.array(user),
})

const listener = v.strictObject({
  ...ADDED,
  AdminSecretArn,
  /** As in the topology; or `none`. */
  ManagementUrl: v.optional(
    v.pipe(
      v.string(),
      v.check((text) => text === NO_MANAGEMENT || isUrl(text), 'must be an http(s) URL or none'),
    ),
  ),
  /** The entry's name, for people. */
  Name: v.pipe(v.string(), v.nonEmpty('must not be empty')),
  /** The environment of the entry's relay, as `relayEnv` of infra/relays.ts gives it. */
  Settings: v.record(v.string(), v.string()),
  /** Of the relay; absent for `RELAY_MODE=bind`, and without a management API. */
  User: v.optional(user),
})

/**
 * A user of the broker, its permissions (RabbitMQ's regular expressions over names of exchanges and
 * queues; see permissions.ts) and its secret.
 */
export type UserProperties = v.InferOutput<typeof user>

/**
 * Properties of Custom::WarrenTopology. All scalars of a custom resource arrive as texts. Create and
 * Update make what is missing and bring permissions up to date; Delete takes the users' rights in the
 * vhost away and deletes those who have no others. Vhost, exchanges, queues and administrator stay.
 *
 * With `broker: external` the resource is left out unless a management URL is given; then
 * AdminSecretArn is the operator's (tag `administrator`) and BootstrapSecretArn is left out.
 *
 * functions/topology/handler.ts reads the settings MANAGEMENT_URL (default: https and the host of the
 * broker's URL) and RABBIT_CA_FILE. Timeout 60 s, and `ServiceTimeout: 120` on the resources. It talks to the broker's ports 5671 and 443, to Secrets
 * Manager, and to S3, where CloudFormation takes answers. Beside its log its role needs
 * - `secretsmanager:GetSecretValue` on AdminSecretArn, BootstrapSecretArn and each user's SecretArn;
 * - `secretsmanager:PutSecretValue` on each user's SecretArn, and with a BootstrapSecretArn on
 *   AdminSecretArn.
 */
export type TopologyProperties = v.InferOutput<typeof topology>

/**
 * Properties of Custom::WarrenListener. Create and Update declare exchange, queues and binding as the
 * relay would, so that messages are kept from then on, and make the relay's user. An Update that changes
 * the binding gives a new physical id: the Delete of the old one comes when the old relay has gone.
 * Delete unbinds, deletes empty queues of ours and the user, keeps queues that are not empty and counts
 * their messages in the metric `ForgottenStaging`. It never fails.
 *
 * It depends on Custom::WarrenTopology; the relay's service depends on it. With `broker: external`
 * AdminSecretArn is the secret of the broker's URL, ManagementUrl is `none` unless one is given, and
 * without it there is no User.
 */
export type ListenerProperties = v.InferOutput<typeof listener>

/** @throws {Error} one line that names every wrong property */
export const parseTopology = (properties: unknown): TopologyProperties =>
  parse(topology, properties)

/** @throws {Error} one line that names every wrong property */
export const parseListener = (properties: unknown): ListenerProperties =>
  parse(listener, properties)

/** Properties of before; undefined: none, or of another version of Warren. */
export const formerTopology = (properties: unknown): TopologyProperties | undefined =>
  former(topology, properties)

/** Properties of before; undefined: none, or of another version of Warren. */
export const formerListener = (properties: unknown): ListenerProperties | undefined =>
  former(listener, properties)

function former<T extends v.GenericSchema>(schema: T, properties: unknown) {
  const result = v.safeParse(schema, properties)
  return result.success ? result.output : undefined
}

function parse<T extends v.GenericSchema>(schema: T, properties: unknown): v.InferOutput<T> {
  const result = v.safeParse(schema, properties)
  if (result.success) return result.output
  const problems = result.issues.map(
    (issue) => `${v.getDotPath(issue) ?? 'the properties'}: ${issue.message}`,
  )
  throw new Error(problems.join('; '))
}
