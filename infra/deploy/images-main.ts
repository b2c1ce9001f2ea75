import { runCommand } from './command.ts'
import { pushImages } from './images.ts'
import { OPTIONS_HELP, readTarget } from './target.ts'

const USAGE = `Builds the images of a stage's tasks and pushes them to its repositories in Amazon ECR, which are made
if they are missing. Needs Docker and credentials of AWS.

npm run images -- --stage S

${OPTIONS_HELP}`

await runCommand(USAGE, (args) => pushImages(readTarget(args)))
