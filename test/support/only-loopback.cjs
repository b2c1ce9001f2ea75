// Loaded into a process by NODE_OPTIONS: whoever connects elsewhere than to this machine is told on.
const { Socket } = require('node:net')

const { connect } = Socket.prototype
Socket.prototype.connect = function (...args) {
  const [options] = Array.isArray(args[0]) ? args[0] : args
  const { path, host = 'localhost' } = typeof options === 'object' ? options : { host: args[1] }
  if (!path && !['localhost', '127.0.0.1', '::1'].includes(host)) {
    process.stderr.write(`CONNECTS TO ${host}\n`)
  }
  return connect.apply(this, args)
}
