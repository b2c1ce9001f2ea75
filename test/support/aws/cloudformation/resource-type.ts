import type { Account } from '../account.ts'

/** A resource that is to be made, changed or removed. */
export interface Wanted {
  readonly account: Account
  readonly stackName: string
  readonly stackId: string
  readonly logicalId: string
  readonly type: string
  /** With all functions done. */
  readonly properties: Readonly<Record<string, unknown>>
}

/** What it became: `Ref` gives the id. */
export interface Made {
  readonly id: string
  readonly attributes: Readonly<Record<string, unknown>>
}

/** How the resources of a type come and go. @throws {AwsError} the reason of the failure */
export interface ResourceType {
  create(wanted: Wanted): Promise<Made> | Made
  /**
   * Changes it in place; what is only made anew has none.
   * @param before its properties until now
   */
  update?(wanted: Wanted, made: Made, before: Wanted['properties']): Promise<Made> | Made
  remove?(wanted: Wanted, made: Made): Promise<void> | void
}
