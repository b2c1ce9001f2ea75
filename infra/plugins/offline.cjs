module.exports = require('../typescript.cjs')(() => require('./offline.ts')).OfflineParity
