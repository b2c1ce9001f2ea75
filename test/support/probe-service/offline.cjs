module.exports = require('../../../infra/plugins/offline.cjs')
