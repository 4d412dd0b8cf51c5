/**
 * The processes of a benchmark. Each has a log, is polled until it serves, and is ended by its ID
 * in any case.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 25;
const ASK_TIMEOUT_MS = 5_000;
const LOG_TAIL_CHARS = 2_000;

/** A server process. */
export class Server {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #logFile: string;

  constructor(name: string, child: ChildProcess, logFile = '') {
    this.name = name;
    this.#child = child;
    this.#logFile = logFile;
    // A program that cannot be started counts as ended.
    child.on('error', () => undefined);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasExited(): boolean {
    return (
      this.#child.pid === undefined ||
      this.#child.exitCode !== null ||
      this.#child.signalCode !== null
    );
  }

  /** The end of its output. */
  get logTail(): string {
    return existsSync(this.#logFile)
      ? readFileSync(this.#logFile, 'utf8').slice(-LOG_TAIL_CHARS)
      : '';
  }

  /** Ends it with SIGTERM, and after a while by force. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    if (this.hasExited) return;
    const exited = once(this.#child, 'exit');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.#child.kill(signal);
    await exited;
    clearTimeout(timer);
  }

  kill(): void {
    if (!this.hasExited) this.#child.kill('SIGKILL');
  }
}

/** All processes of a run, and the folder with their data. */
export class Servers {
  readonly directory: string;
  readonly #all: Server[] = [];

  constructor(directory: string) {
    this.directory = directory;
  }

  /** Starts a program. Its output goes to a log in the folder. */
  start(name: string, command: string, args: readonly string[]): Server {
    const logFile = join(this.directory, `${name}.log`);
    const log = openSync(logFile, 'a');
    const child = spawn(command, args, { stdio: ['ignore', log, log] });
    closeSync(log);
    return this.adopt(new Server(name, child, logFile));
  }

  /** Takes over a process that was started elsewhere. */
  adopt(server: Server): Server {
    this.#all.push(server);
    return server;
  }

  async stopAll(): Promise<void> {
    await Promise.all(this.#all.map((server) => server.stop()));
  }

  /** The last resort, if waiting is impossible. */
  killAll(): void {
    for (const server of this.#all) server.kill();
  }
}

/** The answer to a single request; status 0 if there was none. */
export interface Reply {
  readonly status: number;
  readonly body: string;
}

/** A single request. */
export interface Question {
  readonly port: number;
  readonly path: string;
  readonly method?: string;
  readonly body?: string;
}

/** Sends one request. Never rejects. */
export function ask({ port, path, method = 'GET', body }: Question): Promise<Reply> {
  return new Promise((resolve) => {
    const none = (): void => resolve({ status: 0, body: '' });
    const outgoing = request({
      host: '127.0.0.1',
      port,
      path,
      method,
      timeout: ASK_TIMEOUT_MS,
      agent: false,
    });
    outgoing.on('response', (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }),
      );
      response.on('error', none);
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', none);
    outgoing.on('close', none);
    if (body !== undefined) outgoing.setHeader('Content-Type', 'application/octet-stream');
    outgoing.end(body);
  });
}

/** Throws, with the end of its log, if one of the servers has died. */
export function checkAlive(servers: readonly Server[]): void {
  const dead = servers.find(({ hasExited }) => hasExited);
  if (dead !== undefined) throw new Error(`${dead.name} has ended\n${dead.logTail}`);
}

/**
 * Repeats a request until `check` is true. Fails if the time is over or one of the servers has
 * died.
 */
export async function waitUntil(
  what: string,
  check: () => Promise<boolean>,
  {
    servers = [],
    timeoutMs = START_TIMEOUT_MS,
  }: { servers?: readonly Server[]; timeoutMs?: number } = {},
): Promise<void> {
  const deadlineMs = performance.now() + timeoutMs;
  while (!(await check())) {
    checkAlive(servers);
    if (performance.now() > deadlineMs) {
      throw new Error(`Not within ${timeoutMs / 1000} s: ${what}\n${servers[0]?.logTail ?? ''}`);
    }
    await sleep(POLL_MS);
  }
}
