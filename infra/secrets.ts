import { type Output, type Resource, ref } from './cloudformation.ts'

export const API_TOKENS_SECRET = 'ApiTokensSecret'

/**
 * Digests of the tokens; none at first, which authorises nobody. CloudFormation writes a value again
 * whenever its text in the template changes, over whatever the operator has put there since: it must
 * never change. The name is CloudFormation's: one of ours could not be used again for weeks.
 */
export const apiTokensSecret: Resource = {
  Type: 'AWS::SecretsManager::Secret',
  Properties: {
    Description: 'Warren: digests of the bearer tokens',
    SecretString: '{"tokens":[]}',
  },
}

/** Where `npm run token` puts them. */
export const secretOutputs: Readonly<Record<string, Output>> = {
  ApiTokensSecretArn: {
    Description:
      'Digests of the tokens: npm run token -- new NAME --publish EXCHANGE --stage STAGE',
    Value: ref(API_TOKENS_SECRET),
  },
}
