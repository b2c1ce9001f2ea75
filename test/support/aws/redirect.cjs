// Loaded before a function: hosts of AWS are found where the stand-in has them, and no other host is
// found at all. The names stay what they are, so that certificates are checked against them.
const { Socket } = require('node:net')

const HOSTS = JSON.parse(process.env.STAND_IN_HOSTS)
const OWN = new URL(process.env.AWS_ENDPOINT_URL).host
delete process.env.STAND_IN_HOSTS

const { connect } = Socket.prototype
Socket.prototype.connect = function (...args) {
  // net.connect hands over its arguments in one array.
  const given = Array.isArray(args[0]) ? args[0] : args
  const [options, done] =
    typeof given[0] === 'object' ? given : [{ port: given[0], host: given[1] }]
  const there = `${options.host ?? 'localhost'}:${options.port}`
  if (there === OWN) return connect.apply(this, args)
  const here = HOSTS[there]
  if (here === undefined) {
    this.destroy(Object.assign(new Error(`getaddrinfo ENOTFOUND ${there}`), { code: 'ENOTFOUND' }))
    return this
  }
  const [host, port] = here.split(':')
  return connect.call(this, { ...options, host, port: Number(port) }, done)
}
