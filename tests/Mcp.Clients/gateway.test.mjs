// Clients that are not ours, against the gateway's /mcp: the same tools, run by workers that may die, and by a gateway that may.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { kinds, modernRevision } from './clients.mjs';
import { callsOf, flows } from './flows.mjs';
import { Gateway, makeDirectory, removeDirectory, run } from './servers.mjs';

const keyName = 'io.varve/idempotencyKey';
const toolsOfAll = 39;
const patience = 120_000;
const inspector = fileURLToPath(new URL('./node_modules/@modelcontextprotocol/inspector/clients/launcher/build/index.js', import.meta.url));

for (const kind of kinds) {
  describe(`${kind.name}, over a gateway`, { timeout: 5 * patience }, () => {
    let mcp, gateway, data;

    before(async () => {
      data = makeDirectory();
      gateway = await Gateway.start(data);
      mcp = kind.create();
      await mcp.connectHttp(gateway.url, gateway.headers);
    });

    after(async () => {
      await mcp?.client.close();
      await gateway?.stop();
      removeDirectory(data);
    });

    test('speaks the revision that it should, and lists what the workers have', async () => {
      if (mcp.revision !== undefined) assert.equal(mcp.revision, kind.revision);
      assert.equal(mcp.client.getServerVersion().name, 'varve-gateway');
      const { tools } = await mcp.client.listTools();
      assert.equal(tools.length, toolsOfAll);
      const { resources } = await mcp.client.listResources();
      assert.ok(resources.some((resource) => resource.uri === 'task://queue'));
      const { resourceTemplates } = await mcp.client.listResourceTemplates();
      assert.ok(resourceTemplates.some((template) => template.uriTemplate === 'map://{name}/{key}'));
      const ref = { type: 'ref/resource', uri: 'task://filter/{status}' };
      const { completion } = await mcp.client.complete({ ref, argument: { name: 'status', value: 'p' } });
      assert.deepEqual(completion.values, ['pending']);
    });

    for (const [name, flow] of Object.entries(flows)) test(`uses ${name}`, () => flow(callsOf(mcp)));

    test('is told of changes of a resource, by whichever worker', async () => {
      const uri = 'map://watched/a';
      const told = Promise.withResolvers();
      const unsubscribe = await mcp.subscribe(uri, told.resolve);
      await callsOf(mcp).call('map_insert', { name: 'watched', entries: { a: '1' } });
      assert.equal(await told.promise, uri);
      await unsubscribe();
    });

    test('does not see that a worker is killed between calls and in one', async () => {
      await callsOf(mcp).call('upload_file', { file_id: 'doc-killed', content: 'text' });
      const before = await gateway.workers();
      const params = { name: 'process_payment', arguments: { amount: 13.01, description: randomUUID() }, _meta: { [keyName]: randomUUID() } };
      const call = mcp.call(params, { timeout: patience });
      for (const { pid } of before) process.kill(pid, 'SIGKILL');
      assert.equal((await call).structuredContent.status, 'success');
      const again = await mcp.call(params, { timeout: patience });
      assert.equal(again._meta['io.varve/replayed'], true);
      assert.deepEqual(again.structuredContent, (await call).structuredContent);
      const { pid } = (await gateway.workers()).find((worker) => worker.pid);
      assert.ok(before.every((worker) => worker.pid !== pid));
    });

    test('goes on when the gateway is killed and started again, with its session and a call under way', async () => {
      const begun = Promise.withResolvers();
      const params = { name: 'run_orchestrator', arguments: { max_tasks: 10 }, _meta: { [keyName]: randomUUID() } };
      for (let task = 0; task < 10; task++) await callsOf(mcp).call('add_task', { description: `task ${task}` });

      // A call of the modern era whose server is killed ends by its time limit alone.
      const timeout = kind.revision === modernRevision ? 5_000 : patience;
      const call = mcp.call(params, { timeout, onprogress: begun.resolve }).catch((error) => error);
      await begun.promise;
      await gateway.kill();
      gateway = await Gateway.start(data, gateway.port);
      let result = await call;
      if (result instanceof Error) {
        // Without sessions an answer cannot be resumed: the call is sent again, with its key.
        assert.equal(kind.revision, modernRevision, result.stack);
        result = await mcp.call(params, { timeout: patience });
      }
      assert.equal(result.structuredContent.status, 'success', JSON.stringify(result));
      assert.equal((await callsOf(mcp).call('add_task', { description: 'behind' })).status, 'success');
    });
  });
}

for (const era of ['legacy', 'modern']) {
  test(`Inspector, ${era}, calls a tool of a gateway twice with one key, which takes effect once`, { timeout: patience }, async (context) => {
    const data = makeDirectory();
    const gateway = await Gateway.start(data);
    context.after(async () => {
      await gateway.stop();
      removeDirectory(data);
    });
    const call = ['--method', 'tools/call', '--tool-name', 'add_task', '--tool-args-json', '{"description":"a"}'];
    const inspect = async () => {
      const header = Object.entries(gateway.headers).map(([name, value]) => `${name}: ${value}`);
      const args = [inspector, '--cli', gateway.url.href, '--header', ...header, '--protocol-era', era, '--format', 'json', '-q', ...call];
      const key = ['--tool-metadata', 'io.varve/idempotencyKey=one'];
      const { code, out, error } = await run(process.execPath, [...args, ...key], { env: { ...process.env, HOME: data } });
      assert.equal(code, 0, out + error);
      return JSON.parse(out).result;
    };
    const first = await inspect();
    const again = await inspect();
    assert.equal(first.structuredContent.task_id, 'task-001');
    assert.deepEqual(again.structuredContent, first.structuredContent);
    assert.equal(again._meta['io.varve/replayed'], true);
  });
}
