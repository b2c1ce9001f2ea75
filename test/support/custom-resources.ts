import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { CloudFormationCustomResourceEvent as Event } from 'aws-lambda'
import type { Answer } from '#functions/topology/custom-resource.ts'
import { handler } from '#functions/topology/handler.ts'
import type { Ending } from './ending.ts'
import { lambdaContext } from './events.ts'

/** Calls the topology function as CloudFormation does, and takes its answers. */
export interface CustomResources {
  /** @throws {Error} it did not answer exactly once */
  create(type: string, properties: object): Promise<Answer>
  update(type: string, id: string, properties: object, old: object): Promise<Answer>
  /** @param lambdaMs that the function has @default 60,000 */
  remove(type: string, id: string, properties: object, lambdaMs?: number): Promise<Answer>
}

export async function startCustomResources(ending: Ending): Promise<CustomResources> {
  const answers: Answer[] = []
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      answers.push(JSON.parse(body))
      response.end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  ending.after(() => {
    server.closeAllConnections()
    server.close()
  })
  const ResponseURL = `http://127.0.0.1:${(server.address() as AddressInfo).port}/answer`
  const call = async (request: object, lambdaMs = 60_000): Promise<Answer> => {
    answers.length = 0
    await handler({ ...BASE, ResponseURL, ...request } as unknown as Event, lambdaContext(lambdaMs))
    const [answer, ...more] = answers
    if (answer === undefined || more.length > 0) throw new Error(`${answers.length} answers`)
    return answer
  }
  return {
    create: (ResourceType, ResourceProperties) =>
      call({ RequestType: 'Create', ResourceType, ResourceProperties }),
    update: (ResourceType, PhysicalResourceId, ResourceProperties, OldResourceProperties) =>
      call({
        RequestType: 'Update',
        ResourceType,
        PhysicalResourceId,
        ResourceProperties,
        OldResourceProperties,
      }),
    remove: (ResourceType, PhysicalResourceId, ResourceProperties, lambdaMs) =>
      call(
        { RequestType: 'Delete', ResourceType, PhysicalResourceId, ResourceProperties },
        lambdaMs,
      ),
  }
}

const BASE = {
  StackId: 'arn:aws:cloudformation:eu-west-1:123456789012:stack/warren-test/1',
  RequestId: 'request-1',
  LogicalResourceId: 'Resource',
}
