module.exports = require('../typescript.cjs')(() => require('./bundle.ts')).Bundle
