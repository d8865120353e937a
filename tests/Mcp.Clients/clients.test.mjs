// Clients that are not ours, against the real varve-mcp: over both transports, in the era or eras that each has.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { kinds } from './clients.mjs';
import { callsOf, flows } from './flows.mjs';
import { HttpServer, makeDirectory, program, removeDirectory, run, stdioCommand } from './servers.mjs';

const keyName = 'io.varve/idempotencyKey';
const toolsOfAll = 39;
const patience = 60_000;

for (const kind of kinds) {
  for (const transport of ['stdio', 'http']) {
    describe(`${kind.name}, over ${transport}`, { timeout: 5 * patience }, () => {
      let mcp, server, data;

      before(async () => {
        data = makeDirectory();
        mcp = kind.create();
        if (transport === 'stdio') {
          await mcp.connectStdio(stdioCommand(data));
        } else {
          server = await HttpServer.start(data);
          await mcp.connectHttp(server.url);
        }
      });

      after(async () => {
        await mcp?.client.close();
        await server?.stop();
        removeDirectory(data);
      });

      test('speaks the revision that it should, with a server that says who it is', () => {
        if (mcp.revision !== undefined) assert.equal(mcp.revision, kind.revision);
        assert.equal(mcp.client.getServerVersion().name, 'varve-mcp');
        assert.match(mcp.client.getInstructions(), /idempotencyKey/);
      });

      test('lists tools, resources and templates', async () => {
        const { tools } = await mcp.client.listTools();
        assert.equal(tools.length, toolsOfAll);
        assert.ok(tools.every((tool) => tool.description && tool.inputSchema.type === 'object' && tool.outputSchema.type === 'object'));
        const { resources } = await mcp.client.listResources();
        assert.ok(resources.some((resource) => resource.uri === 'task://queue'));
        const { resourceTemplates } = await mcp.client.listResourceTemplates();
        assert.ok(resourceTemplates.some((template) => template.uriTemplate === 'map://{name}/{key}'));
      });

      for (const [name, flow] of Object.entries(flows)) test(`uses ${name}`, () => flow(callsOf(mcp)));

      test('hears of progress, in order and before the result', async () => {
        const messages = [];
        const receive = mcp.transport.onmessage;
        mcp.transport.onmessage = (message, ...others) => {
          messages.push(message);
          receive(message, ...others);
        };
        const heard = [];
        await mcp.call({ name: 'journeys_tool', arguments: { action: 'list' } }, { onprogress: (progress) => heard.push(progress.message) });
        mcp.transport.onmessage = receive;
        const last = messages.findIndex((message) => message.result !== undefined);
        const told = messages.slice(0, last).filter((message) => message.method === 'notifications/progress').map((message) => message.params);
        const expected = ['Loading data...', 'Processing...', 'Done'];
        assert.deepEqual(told.map(({ progress, total, message }) => [progress, total, message]), expected.map((text, at) => [at + 1, 3, text]));

        // What comes in one read with the result, the clients themselves may leave out: they forget who listens with the result.
        assert.deepEqual(heard, expected.slice(0, heard.length));
      });

      test('gets completions', async () => {
        const ref = { type: 'ref/resource', uri: 'task://filter/{status}' };
        const { completion } = await mcp.client.complete({ ref, argument: { name: 'status', value: 'p' } });
        assert.deepEqual(completion.values, ['pending']);
      });

      test('is told of changes of a resource, until it has heard enough', async () => {
        const uri = 'map://watched/a%2Fb';
        let onUpdate;
        const unsubscribe = await mcp.subscribe(uri, (changed) => onUpdate(changed));
        const told = new Promise((resolve) => { onUpdate = resolve; });
        await structured({ name: 'map_insert', arguments: { name: 'watched', entries: { 'a/b': '1', other: '2' } } });
        assert.equal(await told, uri);
        await unsubscribe();
        onUpdate = () => assert.fail('told after the end');
        await structured({ name: 'map_insert', arguments: { name: 'watched', entries: { 'a/b': '3' } } });
        assert.equal((await mcp.client.readResource({ uri })).contents[0].text, '3');
      });

      test('cancels a call, and goes on', async () => {
        // Amounts that end in .01 are tried again after a pause; the call is given up as soon as it has begun to try.
        const cancelling = new AbortController();
        const params = { name: 'process_payment', arguments: { amount: 12.01, description: randomUUID() } };
        const call = mcp.call(params, { signal: cancelling.signal });
        await attemptsOf('payment_12.01_USD');
        cancelling.abort(new Error('changed my mind'));
        await assert.rejects(call, /changed my mind|abort/i);
        assert.equal((await structured({ name: 'get_next_task', arguments: {} })).status, 'success');
      });

      test('sends a call again with its key, which takes effect once', async () => {
        const params = { name: 'add_task', arguments: { description: 'once', priority: 10 }, _meta: { [keyName]: randomUUID() } };
        const first = await mcp.call(params);
        const again = await mcp.call(params);
        assert.deepEqual(again.structuredContent, first.structuredContent);
        assert.deepEqual(again.content, first.content);
        assert.deepEqual([first._meta?.['io.varve/replayed'], again._meta['io.varve/replayed']], [undefined, true]);
        const queue = JSON.parse(await read('task://queue'));
        assert.equal(queue.filter((task) => task.description === 'once').length, 1);
        const other = { ...params, arguments: { description: 'another' } };
        await assert.rejects(mcp.call(other), (error) => error.code === -32602 && error.data.reason === 'idempotency_conflict');
      });

      test('is told which argument is wrong', async () => {
        const calls = [
          [{ name: 'add_task', arguments: {} }, 'description', /'description' is required/],
          [{ name: 'add_task', arguments: { description: 'a', priority: 11 } }, 'priority', /'priority' must be at most 10/],
          [{ name: 'add_task', arguments: { description: 'a', color: 'red' } }, 'color', /'color' is unknown/],
          [{ name: 'add_task', arguments: { description: 'a'.repeat(10_001) } }, 'description', /at most 10000 characters/],
        ];
        for (const [params, argument, text] of calls) {
          const result = await mcp.call(params);
          assert.equal(result.isError, true);
          assert.match(result.content[0].text, text);
          assert.deepEqual(result._meta['io.varve/error'], { code: 'invalid_argument', argument });
        }
        await assert.rejects(mcp.call({ name: 'no_such_tool', arguments: {} }), (error) => error.code === -32602);
        await assert.rejects(mcp.client.readResource({ uri: 'task://nothing' }));
      });

      test('leaves in the journal that the call was cancelled', async () => {
        await mcp.client.close();
        await server?.stop();
        server = undefined;
        const { code, out, error } = await run(program, ['calls', 'list', '--data', data, '--tool', 'process_payment', '--json']);
        assert.equal(code, 0, error);
        const calls = out.trim().split('\n').map((line) => JSON.parse(line));
        assert.deepEqual(calls.filter((call) => call.state !== 'completed').map((call) => call.state), ['cancelled']);
      });

      async function structured(params) {
        const result = await mcp.call(params);
        assert.ok(!result.isError, JSON.stringify(result.content));
        return result.structuredContent;
      }

      async function read(uri) {
        return (await mcp.client.readResource({ uri })).contents[0].text;
      }

      /** Waits until a payment was tried. */
      async function attemptsOf(key) {
        const until = Date.now() + patience;
        while (Date.now() < until)
          if ((await structured({ name: 'map_get', arguments: { name: 'retry_attempts', key } })).found) return;
        assert.fail('the payment was not tried');
      }
    });
  }
}
