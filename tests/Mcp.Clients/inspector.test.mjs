// The Inspector's command line, in both eras: over stdio by the configuration that `varve-mcp config` prints, and over HTTP. Each command is
// a process and a client of its own.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HttpServer, makeDirectory, program, removeDirectory, run } from './servers.mjs';

const inspector = fileURLToPath(new URL('./node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url));
const toolsOfAll = 39;
const isErrorCode = 5;

for (const era of ['legacy', 'modern']) {
  for (const transport of ['stdio', 'http']) {
    describe(`Inspector, ${era}, over ${transport}`, { timeout: 300_000 }, () => {
      let server, data, target;

      before(async () => {
        data = makeDirectory();
        if (transport === 'http') {
          server = await HttpServer.start(data);
          target = [server.url.href];
          return;
        }
        const command = ['config', '--client', 'claude-desktop', '--from-source', '--data', data];
        const { code, out, error } = await run(program, command);
        assert.equal(code, 0, error);
        const file = join(data, 'config.json');
        writeFileSync(file, out);
        target = ['--config', file, '--server', 'varve'];
      });

      after(async () => {
        await server?.stop();
        removeDirectory(data);
      });

      test('lists tools, whose schemas other programs can use', async () => {
        const { result } = await inspect('--method', 'tools/list', '--strict');
        assert.equal(result.tools.length, toolsOfAll);
      });

      test('calls a tool twice with one key, which takes effect once', async () => {
        const call = ['--method', 'tools/call', '--tool-name', 'add_task', '--tool-args-json', '{"description":"a"}'];
        const key = ['--tool-metadata', `io.varve/idempotencyKey=${randomUUID()}`];
        const first = await inspect(...call, ...key);
        const again = await inspect(...call, ...key);
        assert.equal(first.result.structuredContent.task_id, 'task-001');
        assert.deepEqual(again.result.structuredContent, first.result.structuredContent);
        assert.equal(again.result._meta['io.varve/replayed'], true);
        const { result } = await inspect('--method', 'resources/read', '--uri', 'task://queue');
        assert.equal(JSON.parse(result.contents[0].text).length, 1);
      });

      test('shows which argument is wrong', async () => {
        const call = ['--method', 'tools/call', '--tool-name', 'add_task', '--tool-args-json', '{}'];
        const { result } = await inspectTo(isErrorCode, call);
        assert.deepEqual(result._meta['io.varve/error'], { code: 'invalid_argument', argument: 'description' });
      });

      test('lists resources and templates', async () => {
        const { result: resources } = await inspect('--method', 'resources/list');
        assert.ok(resources.resources.some((resource) => resource.uri === 'task://queue'));
        const { result: templates } = await inspect('--method', 'resources/templates/list');
        assert.ok(templates.resourceTemplates.some((template) => template.uriTemplate === 'map://{name}/{key}'));
      });

      function inspect(...command) {
        return inspectTo(0, command);
      }

      async function inspectTo(expected, command) {
        const args = [inspector, '--cli', ...target, '--protocol-era', era, '--format', 'json', '-q', ...command];

        // It keeps a catalog of its own in the home directory.
        const { code, out, error } = await run(process.execPath, args, { env: { ...process.env, HOME: data } });
        assert.equal(code, expected, out + error);
        return JSON.parse(out);
      }
    });
  }
}
