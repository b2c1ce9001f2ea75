import { type Output, type Resource, type Resources, ref } from './cloudformation.ts'

export const AMQP_URL_SECRET = 'AmqpUrlSecret'
export const API_TOKENS_SECRET = 'ApiTokensSecret'

// CloudFormation writes a value again whenever its text in the template changes, over whatever the
// operator has put there since: so neither of these may ever change.
const secret = (Description: string, value?: string): Resource => ({
  Type: 'AWS::SecretsManager::Secret',
  UpdateReplacePolicy: 'Retain',
  Properties: { Description, ...(value === undefined ? {} : { SecretString: value }) },
})

/** What the operator fills in. Names are CloudFormation's: a name of ours could not be used again for weeks. */
export const secrets: Resources = {
  // Empty: no text is a URL of no broker.
  [AMQP_URL_SECRET]: secret('Warren: the amqps:// URL of the broker, with user and password'),
  [API_TOKENS_SECRET]: secret('Warren: digests of the bearer tokens', '{"tokens":[]}'),
}

/** Where to put the values. */
export const secretOutputs: Readonly<Record<string, Output>> = {
  AmqpUrlSecretArn: {
    Description: "Put the broker's amqps:// URL here",
    Value: ref(AMQP_URL_SECRET),
  },
  ApiTokensSecretArn: {
    Description: 'Put the digests of the tokens here',
    Value: ref(API_TOKENS_SECRET),
  },
}
