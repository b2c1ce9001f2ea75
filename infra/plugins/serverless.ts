import type { Resource } from '../cloudformation.ts'

/** What our plugins use of the Serverless Framework's plugin interface. */
export interface Serverless {
  readonly serviceDir: string
  readonly service: Service
  readonly classes: {
    /** An error of the user's: shown without a stack. */
    readonly Error: new (
      message: string,
    ) => Error
  }
}

export interface Service {
  readonly service: string
  readonly provider: {
    environment?: Environment
    /** There from packaging on. */
    readonly compiledCloudFormationTemplate?: CompiledTemplate
  }
  readonly resources?: { readonly Resources?: Record<string, Resource> }
  getAllFunctions(): string[]
  getFunction(name: string): FunctionDefinition
}

/** Values may be CloudFormation functions. */
export type Environment = Record<string, unknown>

export interface FunctionDefinition {
  handler: string
  environment?: Environment
  /** `patterns`: names of files that go into the zip as they are; our bundling knows no wildcards. */
  package?: { artifact?: string; patterns?: readonly string[] }
}

export interface CompiledTemplate {
  Resources: Record<string, MutableResource>
  Outputs: Record<string, unknown>
}

export interface MutableResource {
  Type: string
  DependsOn?: string | string[]
  Properties: Record<string, unknown>
}

export interface Plugin {
  readonly hooks: Readonly<Record<string, () => void | Promise<void>>>
}
