import { readFileSync } from 'node:fs'

/**
 * The certificates of `RABBIT_CA_FILE`: a PEM file, or the PEM text itself, for where there are
 * settings and no files (a Lambda, a task).
 */
export const readPem = (fileOrText: string): string =>
  fileOrText.startsWith('-----BEGIN ') ? fileOrText : readFileSync(fileOrText, 'utf8')
