module.exports = require('../typescript.cjs')(() => require('./rest-stage.ts')).RestStage
