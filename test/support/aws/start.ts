import type { Ending } from '../ending.ts'
import { type Account, createAccount, type Surroundings } from './account.ts'
import { cloudFormation } from './cloudformation/service.ts'
import { takeDocker } from './docker.ts'
import { undeployFunction } from './functions.ts'
import { takeAnswer } from './resources/custom-answers.ts'
import { serveApi } from './rest-api/data-plane.ts'
import { serve } from './server.ts'
import { ecs } from './services/ecs.ts'
import { apiGateway, cloudWatchLogs, ecr, lambda, mq, sts } from './services/others.ts'
import { s3 } from './services/s3.ts'
import { secretsManager } from './services/secrets.ts'
import { stopTask } from './tasks.ts'

/**
 * Starts an empty AWS account of our own on 127.0.0.1: what `serverless` and our programs ask of AWS,
 * and the functions, run for real. It is strict: a call, a type of resource or a reference that it does
 * not know fails, and so does a template in which AWS's own validator finds an error.
 */
export async function startAws(ending: Ending, surroundings: Surroundings = {}): Promise<Account> {
  const account = createAccount(surroundings)
  const services = {
    sts: sts(account),
    cloudformation: cloudFormation(account),
    s3: s3(account),
    lambda: lambda(account),
    apigateway: apiGateway(account),
    ecr: ecr(account),
    logs: cloudWatchLogs(account),
    mq: mq(),
    ecs: ecs(account),
    secretsmanager: secretsManager(account),
  }
  const server = await serve(
    account,
    services,
    async (request, response) =>
      (await serveApi(account, request, response)) ||
      (await takeAnswer(request, response)) ||
      (await takeDocker(account, request, response)),
  )
  ending.after(async () => {
    await server.close()
    await Promise.all([...account.services.values()].map(({ task }) => stopTask(task)))
    await Promise.all([...account.functions.values()].map(undeployFunction))
  })
  return account
}
