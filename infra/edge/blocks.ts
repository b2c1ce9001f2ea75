/** Lines of an nginx configuration. */
export type Lines = readonly string[]

/** A block directive with its body, indented. */
export function block(head: string, ...body: readonly Lines[]): Lines {
  return [`${head} {`, ...body.flat().map((line) => (line === '' ? '' : `  ${line}`)), '}']
}

/** A text as one quoted word. nginx still replaces `$name` in it: that is how an id gets in. */
export const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`
