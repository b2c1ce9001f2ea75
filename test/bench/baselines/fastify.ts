import { connect } from 'amqplib'
import fastify from 'fastify'

/**
 * Baseline: what one writes in an afternoon. One connection, one confirm channel, JSON parsed and made
 * anew, no token, no check of anything; the answer comes after the confirm.
 */
const [, , url = '', port = '0'] = process.argv
const connection = await connect(url, { noDelay: true })
const channel = await connection.createConfirmChannel()
const server = fastify()

server.post<{ Params: { exchange: string } }>('/publish/:exchange', (request, reply) => {
  const body = Buffer.from(JSON.stringify(request.body))
  channel.publish(request.params.exchange, '', body, { persistent: true }, (error) => {
    if (error) reply.code(503).send({ status: 'NOK' })
    else reply.send({ status: 'OK', exchange: request.params.exchange })
  })
})

await server.listen({ host: '127.0.0.1', port: Number(port) })
console.log('"event":"ready"')
