import { type ChildProcess, execFile, type SpawnOptions, spawn } from 'node:child_process'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { delimiter, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { ChildFailed } from './child.ts'
import { killGroup, noteProcess } from './processes.ts'

const run = promisify(execFile)
const HOST = '127.0.0.1'

export interface NodePorts {
  readonly amqp: number
  readonly management: number
  /** Erlang distribution: the command-line tools come in here. */
  readonly dist: number
  /** Erlang's port mapper, one of our own; see `sharesEpmd`. */
  readonly epmd: number
}

export interface PrivateNodeOptions {
  /** Folder of rabbitmq's scripts; see findRabbitmq. */
  readonly bin: string
  /** Folder for data, logs, cookie and configuration. Data that is there already is used. */
  readonly home: string
  readonly ports: NodePorts
  readonly user: string
  readonly pass: string
  /** @default ['rabbitmq_management'] */
  readonly plugins?: readonly string[]
  /** More lines for rabbitmq.conf. */
  readonly conf?: readonly string[]
  /** Of the node; the data in `home` belongs to it. @default warren@localhost */
  readonly name?: string
  /** Whether an epmd runs at `ports.epmd` that is not ours to start and end. @default false */
  readonly sharesEpmd?: boolean
  /** More arguments for the Erlang VM. */
  readonly vmArgs?: readonly string[]
  /** @default 60000 */
  readonly readyWithinMs?: number
}

/** A RabbitMQ node of our own: own name, ports, folder, cookie and epmd; it disturbs no other node. */
export interface PrivateNode {
  readonly amqpUrl: string
  readonly managementUrl: string
  /** Of the Erlang VM. */
  readonly pid: number
  /** Settles when the node and its epmd have ended, whoever ended them. */
  readonly ended: Promise<void>
  /** The end of what it printed, for a message to a person. */
  lastLines(): readonly string[]
  /** Runs rabbitmqctl on the node and gives what it printed. About 1 s: it is an Erlang start. */
  ctl(...args: string[]): Promise<string>
  /** Ends the node in order (at most 20 s, then SIGKILL). Its epmd always ends with it. */
  stop(): Promise<void>
  /** Ends the node with SIGKILL. */
  kill(): Promise<void>
}

// The wrappers in /usr/sbin change the user and lose the environment, so Debian's real folder comes
// before PATH.
const KNOWN_FOLDERS = ['/usr/lib/rabbitmq/bin', '/opt/homebrew/sbin', '/usr/local/sbin']

/** The folder that holds rabbitmq's scripts, or undefined when RabbitMQ is not installed. */
export function findRabbitmq(path = process.env['PATH'] ?? ''): string | undefined {
  return [
    ...KNOWN_FOLDERS,
    ...path.split(delimiter).filter((folder) => folder !== '/usr/sbin'),
  ].find((folder) => folder !== '' && existsSync(join(folder, 'rabbitmq-server')))
}

/**
 * Starts a node and resolves once it accepts AMQP connections: about 5 s with management.
 * @throws {ChildFailed} with the end of the node's log when it does not come up in time
 */
export async function startPrivateNode(options: PrivateNodeOptions): Promise<PrivateNode> {
  const env = prepare(options)
  const log = join(options.home, 'node.out')
  const out = openSync(log, 'a')
  // Own process groups: a Ctrl-C in the terminal is ours to pass on.
  const spawning: SpawnOptions = { env, detached: true, stdio: ['ignore', out, out] }
  // Started by the node itself, epmd would outlive it.
  const epmd = options.sharesEpmd ? undefined : spawn('epmd', [], spawning)
  const child = spawn(join(options.bin, 'rabbitmq-server'), [], spawning)
  closeSync(out)
  const ended = Promise.all([
    untilEnd(child, options.home, 'rabbitmq').finally(() => epmd?.kill()),
    epmd && untilEnd(epmd, options.home, 'epmd'),
  ]).then(() => {})
  await untilReady(options, child, log)
  return nodeOf(options, env, child, ended)
}

/** Notes the process as long as it runs (processes.ts). */
function untilEnd(child: ChildProcess, home: string, name: string): Promise<void> {
  const { pid } = child
  child.on('error', () => {}) // Could not be started: whoever waits for the node says so.
  if (pid === undefined) return Promise.resolve()
  const takeBack = noteProcess(home, name, pid)
  return new Promise((resolve) => {
    child.once('exit', () => {
      killGroup(pid)
      takeBack()
      resolve()
    })
  })
}

function nodeOf(
  options: PrivateNodeOptions,
  env: NodeJS.ProcessEnv,
  child: ChildProcess,
  ended: Promise<void>,
): PrivateNode {
  const { ports, user, pass, bin } = options
  const login = `${encodeURIComponent(user)}:${encodeURIComponent(pass)}`
  const pid = child.pid as number
  const end = async (signal: NodeJS.Signals, waitMs: number) => {
    child.kill(signal)
    const late = sleep(waitMs, 'late', { ref: false })
    if ((await Promise.race([ended, late])) === 'late') child.kill('SIGKILL')
    await ended
  }
  return {
    amqpUrl: `amqp://${login}@${HOST}:${ports.amqp}/%2F`,
    managementUrl: `http://${HOST}:${ports.management}`,
    pid,
    ended,
    lastLines: () => tail(join(options.home, 'node.out')),
    ctl: async (...args) => (await run(join(bin, 'rabbitmqctl'), args, { env })).stdout,
    stop: () => end('SIGTERM', 20_000),
    kill: () => end('SIGKILL', 5_000),
  }
}

/** Writes the node's files and gives the environment that isolates it completely. */
function prepare({
  home,
  ports,
  user,
  pass,
  plugins,
  conf,
  name = 'warren@localhost',
  vmArgs = [],
}: PrivateNodeOptions): NodeJS.ProcessEnv {
  mkdirSync(home, { recursive: true })
  const cookie = join(home, '.erlang.cookie')
  if (!existsSync(cookie)) writeFileSync(cookie, `WARREN${crypto.randomUUID()}`, { mode: 0o400 })
  const enabled = plugins ?? ['rabbitmq_management']
  writeFileSync(join(home, 'enabled_plugins'), `[${enabled.join(',')}].\n`)
  const lines = [
    `listeners.tcp.1 = ${HOST}:${ports.amqp}`,
    `management.tcp.ip = ${HOST}`,
    `management.tcp.port = ${ports.management}`,
    `default_user = ${user}`,
    `default_pass = ${pass}`,
    'max_message_size = 33554432',
    ...(conf ?? []),
  ]
  writeFileSync(join(home, 'rabbitmq.conf'), `${lines.join('\n')}\n`, { mode: 0o600 })
  return {
    PATH: process.env['PATH'],
    LANG: 'C.UTF-8',
    HOME: home,
    ERL_EPMD_PORT: String(ports.epmd),
    ERL_EPMD_ADDRESS: HOST,
    // The data belongs to a node of this name, whatever its ports; the epmd is its own.
    RABBITMQ_NODENAME: name,
    RABBITMQ_DIST_PORT: String(ports.dist),
    RABBITMQ_CONFIG_FILE: join(home, 'rabbitmq.conf'),
    RABBITMQ_MNESIA_BASE: join(home, 'data'),
    RABBITMQ_MNESIA_DIR: join(home, 'data', 'node'),
    RABBITMQ_LOG_BASE: join(home, 'log'),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(home, 'enabled_plugins'),
    RABBITMQ_CONF_ENV_FILE: '/dev/null',
    // No shell between us and the Erlang VM: the child's pid is the node's.
    RUNNING_UNDER_SYSTEMD: 'yes',
    // Loopback only; no busy waiting on few cores.
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: [
      '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none',
      ...vmArgs,
    ].join(' '),
  }
}

async function untilReady(
  { ports, readyWithinMs = 60_000 }: PrivateNodeOptions,
  child: ChildProcess,
  log: string,
) {
  const until = performance.now() + readyWithinMs
  const runs = () => child.pid !== undefined && child.exitCode === null && child.signalCode === null
  while (performance.now() < until && runs()) {
    if (await answersAmqp(ports.amqp)) return
    await sleep(100)
  }
  child.kill('SIGKILL')
  throw new ChildFailed(`RabbitMQ did not start. The end of ${log}:\n${tail(log).join('\n')}`)
}

const tail = (file: string) => readFileSync(file, 'utf8').trimEnd().split('\n').slice(-15)

/** Whether something that speaks AMQP answers: it sends connection.start to a protocol header. */
function answersAmqp(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, HOST, () => socket.write('AMQP\x00\x00\x09\x01'))
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.setTimeout(1000, () => end(false))
    socket.once('error', () => end(false))
    socket.once('close', () => end(false))
    socket.once('data', () => end(true))
  })
}
