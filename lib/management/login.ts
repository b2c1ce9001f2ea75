import { randomBytes } from 'node:crypto'

/** User and password of the broker. */
export interface Login {
  readonly user: string
  readonly password: string
}

const SECOND = '.2'

/**
 * The two users that take turns for one principal: a rotation changes the one that is not in use, so
 * that whoever still has the other one's password can go on.
 */
export const usersOf = (principal: string): readonly [string, string] => [
  principal,
  `${principal}${SECOND}`,
]

/** The other one of the two. */
export const otherUser = (user: string): string =>
  user.endsWith(SECOND) ? user.slice(0, -SECOND.length) : `${user}${SECOND}`

/** 256 random bits, of characters that mean nothing in a URL. */
export const newPassword = (): string => randomBytes(32).toString('base64url')

/** Whether the text is an AMQP URL with user and password; a secret's placeholder is none. */
export function isLoginUrl(text: string | undefined): text is string {
  const url = text === undefined ? null : URL.parse(text.trim())
  return (
    url !== null && /^amqps?:$/.test(url.protocol) && url.username !== '' && url.hostname !== ''
  )
}

/** The login in an AMQP URL. */
export function loginOf(amqpUrl: string): Login {
  const { username, password } = new URL(amqpUrl.trim())
  return { user: decodeURIComponent(username), password: decodeURIComponent(password) }
}

/** The URL with another login, and with another vhost if one is given. */
export function withLogin(amqpUrl: string, { user, password }: Login, vhost?: string): string {
  const url = new URL(amqpUrl.trim())
  url.username = encodeURIComponent(user)
  url.password = encodeURIComponent(password)
  if (vhost !== undefined) url.pathname = `/${encodeURIComponent(vhost)}`
  return url.href
}

/** Where the management API of the URL's broker is. @default https at the standard port, as on Amazon MQ */
export const managementUrlOf = (amqpUrl: string, given: string | undefined): URL =>
  new URL(given ?? `https://${new URL(amqpUrl).hostname}`)
