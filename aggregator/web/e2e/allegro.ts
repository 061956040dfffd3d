// Runs the program under test: a demo in one process, or a testnet of processes.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Long enough for a machine that is busy with other tests. */
const START_MS = 90_000;

function program(): string {
  const path = process.env['ALLEGRO'];
  if (!path) throw new Error('ALLEGRO does not name the program to test: set it to the path of a built allegro');
  return path;
}

/** A running demo. Dispose of it to stop it. */
export class Demo implements AsyncDisposable {
  readonly url: string;
  readonly #process: ChildProcess;

  private constructor(url: string, running: ChildProcess) {
    this.url = url;
    this.#process = running;
  }

  /** Starts a demo and returns once its own scene has ended, so that the page can play another. */
  static async start(...flags: string[]): Promise<Demo> {
    const child = spawn(program(), ['demo', ...flags], { stdio: ['ignore', 'pipe', 'inherit'] });
    const timer = setTimeout(() => child.kill('SIGKILL'), START_MS);
    const told: string[] = [];
    let url: string | undefined;
    try {
      for await (const line of createInterface({ input: child.stdout })) {
        told.push(line);
        url ??= /^\s*UI\s+(http:\S+)/.exec(line)?.[1];
        if (!url || !/^\s*VERDICT/.test(line)) continue;
        child.stdout.resume();
        return new Demo(url, child);
      }
    } finally {
      clearTimeout(timer);
    }
    throw new Error(`the demo ended before it had a verdict and a page:\n${told.join('\n')}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const gone = once(this.#process, 'exit');
    this.#process.kill('SIGINT');
    await gone;
  }
}

interface Process {
  name: string;
  role: string;
  pid: number | null;
  http: string | null;
}

/** A running testnet in a folder of its own. Dispose of it to stop and remove it. */
export class Testnet implements AsyncDisposable {
  readonly #dir: string;

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /** Makes a testnet and returns once every peer reaches a quorum. */
  static async up(...flags: string[]): Promise<Testnet> {
    const net = new Testnet(await mkdtemp(join(tmpdir(), 'allegro-page-')));
    try {
      await net.run('init', ...flags);
      await net.run('up', '--timeout', '90s');
    } catch (problem) {
      await net[Symbol.asyncDispose]();
      throw problem;
    }
    return net;
  }

  /** The path of the network file that all its peers share. */
  get networkFile(): string {
    return join(this.#dir, 'net', 'network.toml');
  }

  /** Runs a command of allegro testnet and returns what it printed. */
  async run(...args: string[]): Promise<string> {
    const { stdout } = await run(program(), ['testnet', '--dir', join(this.#dir, 'net'), ...args], { timeout: 2 * START_MS });
    return stdout;
  }

  /** The aggregator's process and the URL of its page. */
  async aggregator(): Promise<{ name: string; pid: number; url: string }> {
    const { processes } = JSON.parse(await this.run('status', '-o', 'json')) as { processes: Process[] };
    const found = processes.find((p) => p.role === 'aggregator');
    if (!found?.pid || !found.http) throw new Error(`no aggregator runs: ${JSON.stringify(processes)}`);
    return { name: found.name, pid: found.pid, url: found.http };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.run('down').catch(() => undefined); // it may not have come up
    await rm(this.#dir, { recursive: true, force: true });
  }
}
