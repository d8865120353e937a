// Starts the real varve-mcp, on a directory of its own, and stops it.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const output = fileURLToPath(new URL('../../tools/Varve.Mcp.Cli/bin/Release/net10.0/', import.meta.url));

/** What the services of the examples do by chance is the same each time. */
const seed = '7';

const apiKey = randomBytes(24).toString('base64');

/** The program: the one that is built here, or another that VARVE_MCP names. */
export const program = process.env.VARVE_MCP ?? join(output, process.platform === 'win32' ? 'varve-mcp.exe' : 'varve-mcp');

export function makeDirectory() {
  return mkdtempSync(join(tmpdir(), 'varve-mcp-clients-'));
}

export function removeDirectory(directory) {
  rmSync(directory, { recursive: true, force: true });
}

/** The command line of a server over stdio. */
export function stdioCommand(data, ...others) {
  return { command: program, args: ['serve', '--data', data, '--seed', seed, ...others], env: { ...process.env }, stderr: 'inherit' };
}

/** A program that serves over HTTP: its URL, and ways to stop it. */
class Server {
  /** Starts it, and waits until it says that it serves. */
  async spawn(port, ...args) {
    this.port = port ?? await freePort();
    this.url = new URL(`http://localhost:${this.port}/mcp`);
    const env = { ...process.env, API_KEY: apiKey };
    this.process = spawn(program, [...args, '--port', `${this.port}`], { stdio: ['ignore', 'inherit', 'pipe'], env });
    this.exited = once(this.process, 'exit');
    let said = '';
    await new Promise((resolve, reject) => {
      this.process.stderr.on('data', (chunk) => {
        said += chunk;
        if (said.includes('Serving ')) resolve();
      });
      this.process.once('exit', (code) => reject(new Error(`The server ended with ${code}: ${said}`)));
    });
    return this;
  }

  /** As an operator does it: the server finishes what it does. */
  stop() {
    this.process.kill('SIGTERM');
    return this.exited;
  }

  /** As a crash does it. */
  kill() {
    this.process.kill('SIGKILL');
    return this.exited;
  }
}

/** A server over HTTP. */
export class HttpServer extends Server {
  static start(data, port) {
    return new HttpServer().spawn(port, 'serve', '--transport', 'http', '--data', data, '--seed', seed);
  }
}

/** A gateway of two workers. */
export class Gateway extends Server {
  headers = { 'X-API-Key': apiKey };

  static async start(data, port) {
    const gateway = await new Gateway().spawn(port, 'gateway', '--data', data, '--log-level', 'WARNING');
    while (!(await fetch(new URL('/health/ready', gateway.url))).ok) await setTimeout(50);
    return gateway;
  }

  /** The workers that there are. */
  async workers() {
    const response = await fetch(new URL('/stats', this.url), { headers: this.headers });
    return (await response.json()).workers.filter((worker) => worker.pid);
  }
}

/** What the program prints, and its exit code. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  let [out, error] = ['', ''];
  child.stdout.on('data', (chunk) => { out += chunk; });
  child.stderr.on('data', (chunk) => { error += chunk; });
  const [code] = await once(child, 'close');
  return { code, out, error };
}

export async function freePort() {
  const listener = createServer();
  listener.listen(0, 'localhost');
  await once(listener, 'listening');
  const { port } = listener.address();
  listener.close();
  await once(listener, 'close');
  return port;
}
