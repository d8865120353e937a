// Starts the real varve-mcp, on a directory of its own, and stops it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const output = fileURLToPath(new URL('../../tools/Varve.Mcp.Cli/bin/Release/net10.0/', import.meta.url));

/** What the services of the examples do by chance is the same each time. */
const seed = '7';

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

/** A server over HTTP: its URL, and ways to stop it. */
export class HttpServer {
  static async start(data, port) {
    const server = new HttpServer();
    server.port = port ?? await freePort();
    server.url = new URL(`http://localhost:${server.port}/mcp`);
    const args = ['serve', '--transport', 'http', '--port', `${server.port}`, '--data', data, '--seed', seed];
    server.process = spawn(program, args, { stdio: ['ignore', 'inherit', 'pipe'] });
    server.exited = once(server.process, 'exit');
    let said = '';
    await new Promise((resolve, reject) => {
      server.process.stderr.on('data', (chunk) => {
        said += chunk;
        if (said.includes('Serving ')) resolve();
      });
      server.process.once('exit', (code) => reject(new Error(`The server ended with ${code}: ${said}`)));
    });
    return server;
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
