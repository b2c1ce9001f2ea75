import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { haveWorking } from './installed.ts'

const PACKAGES = ['python3', 'python3-flask', 'python3-pika', 'gunicorn']

/** Installs what the baselines in Python take. @throws {Error} one clear line, where that cannot be */
export const havePython = (): Promise<void> =>
  haveWorking(PACKAGES, async () => {
    await promisify(execFile)('/usr/bin/python3', ['-c', 'import flask, gunicorn, pika'])
    await promisify(execFile)('gunicorn', ['--version'])
  })
