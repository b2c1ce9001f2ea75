import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../local/settings.ts'
import { errorsDocument } from './errors.ts'

// What of docs/ is made from the code; a test holds the files against it.
writeFileSync(join(ROOT, 'docs', 'errors.md'), errorsDocument())
