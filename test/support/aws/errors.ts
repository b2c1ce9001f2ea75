/** What a service answers when it does not do what it was asked to. */
export class AwsError extends Error {
  override readonly name = 'AwsError'
  readonly code: string
  readonly status: number

  constructor(code: string, message: string, status = 400) {
    super(message)
    this.code = code
    this.status = status
  }
}

/** The stand-in does not know this: it has to be taught, since guessing would hide a mistake. */
export const unknown = (what: string) => new AwsError('UnknownToStandIn', what, 501)
