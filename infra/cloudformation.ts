/** Any value of a template: JSON, with functions such as `{ Ref: 'Name' }` in it. */
export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value }

export interface Resource {
  readonly Type: string
  readonly Properties?: { readonly [key: string]: Value }
  readonly DependsOn?: readonly string[]
  readonly DeletionPolicy?: 'Delete' | 'Retain' | 'RetainExceptOnCreate'
  readonly UpdateReplacePolicy?: 'Delete' | 'Retain'
}

/** By logical id. An id never changes once it was deployed: CloudFormation would replace the resource. */
export type Resources = Readonly<Record<string, Resource>>

export interface Output {
  readonly Description: string
  readonly Value: Value
}

export interface Template {
  readonly Resources: Resources
  readonly Outputs: Readonly<Record<string, Output>>
}

/** The logical id that serverless gives to the REST API. */
export const REST_API = 'ApiGatewayRestApi'

export const ref = (logicalId: string): Value => ({ Ref: logicalId })

export const getAtt = (logicalId: string, attribute: string): Value => ({
  'Fn::GetAtt': [logicalId, attribute],
})

/** A text of these parts, e.g. `join('/aws/lambda/', ref('AWS::StackName'))`. */
export const join = (...parts: readonly Value[]): Value => ({ 'Fn::Join': ['', parts] })
