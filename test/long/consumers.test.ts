import { execFile } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { before } from 'node:test'
import { promisify } from 'node:util'
import { consumerCases } from '../support/consumer-cases.ts'
import { haveWorking } from '../support/installed.ts'

const run = promisify(execFile)

// Debian's own interpreters, for which its libraries are: another one may come first in PATH.
const PYTHON = '/usr/bin/python3'
const PHP = '/usr/bin/php'
const PHP_AMQPLIB = '/usr/share/php/PhpAmqpLib/autoload.php'

before(async () => {
  await haveWorking(['python3-pika'], () => run(PYTHON, ['-c', 'import pika, sqlite3']))
  await haveWorking(['php-cli', 'php-sqlite3', 'php-amqplib'], () =>
    run(PHP, ['-r', `new PDO('sqlite::memory:'); require '${PHP_AMQPLIB}';`]),
  )
})

consumerCases({ fence: 'python', file: 'consumer.py', command: PYTHON, prepare: () => {} })

consumerCases({
  fence: 'php',
  file: 'consumer.php',
  command: PHP,
  // Where Composer would have put it.
  prepare: (folder) => {
    mkdirSync(join(folder, 'vendor'))
    writeFileSync(join(folder, 'vendor/autoload.php'), `<?php require '${PHP_AMQPLIB}';\n`)
  },
})
