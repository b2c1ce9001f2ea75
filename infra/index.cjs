module.exports = require('./typescript.cjs')(() => require('./index.ts')).configuration
