/** What a person needs to use a stack of containers. */
export interface Shown {
  /** `address:port` of the edge. */
  readonly edge: string
  readonly apiToken: string
  readonly user: string
  readonly pass: string
}

/** A command line to paste, and the console's user and password. */
export const renderScreen = ({ edge, apiToken, user, pass }: Shown): string => `Publish:
  curl -i http://${edge}/publish/exchange -H 'Authorization: Bearer ${apiToken}' -H 'Content-Type: application/json' -d '{"hello": "Gonzalo"}'

Console (with CONSOLE_ENABLED=1, from CONSOLE_ALLOW): http://${edge}/rabbitmq/
  user      ${user}
  password  ${pass}`
