// What clients see when the server is killed and comes back, on the same directory and the same port.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import { kinds, modernRevision } from './clients.mjs';
import { HttpServer, makeDirectory, removeDirectory, stdioCommand } from './servers.mjs';

const keyName = 'io.varve/idempotencyKey';
const patience = 120_000;

for (const kind of kinds) {
  describe(`${kind.name}, when the server is killed`, { timeout: 3 * patience }, () => {
    test('over stdio its calls fail at once, and the next server has what the last one acknowledged', async (context) => {
      const data = makeDirectory();
      const first = kind.create();
      await first.connectStdio(stdioCommand(data));
      await first.call({ name: 'add_task', arguments: { description: 'kept' } });
      process.kill(first.transport.pid, 'SIGKILL');
      await assert.rejects(first.call({ name: 'get_next_task', arguments: {} }));
      await first.client.close();
      const second = kind.create();
      context.after(async () => {
        await second.client.close();
        removeDirectory(data);
      });
      await second.connectStdio(stdioCommand(data));
      assert.deepEqual((await queueOf(second)).map((task) => task.description), ['kept']);
    });

    for (const killed of ['owner', 'peer']) {
      test(`of two servers over stdio on one directory the other one finishes a call of the ${killed}, which is killed`, async (context) => {
        const data = makeDirectory();
        const [owner, peer] = [kind.create(), kind.create()];
        context.after(async () => {
          for (const mcp of [owner, peer]) await mcp.client.close();
          removeDirectory(data);
        });
        await owner.connectStdio(stdioCommand(data));
        await peer.connectStdio(stdioCommand(data));
        const [mcp, other] = killed === 'owner' ? [owner, peer] : [peer, owner];
        await mcp.call({ name: 'upload_file', arguments: { file_id: 'doc', content: 'text' } });
        const call = { name: 'process_document', arguments: { file_id: 'doc' }, _meta: { [keyName]: randomUUID() } };
        const { pid } = mcp.transport;
        const extracting = Promise.withResolvers();
        const lost = mcp.call(call, { onprogress: ({ progress }) => progress >= 1 && extracting.resolve() }).catch((error) => error);
        await extracting.promise;
        process.kill(pid, 'SIGKILL');
        const answer = await other.call(call);
        assert.match(answer.structuredContent.status, /success|error/);
        assert.deepEqual((await other.call(call)).content, answer.content);
        const early = await lost;
        if (!(early instanceof Error)) assert.deepEqual(answer.content, early.content);
      });
    }

    test('calls with keys that are sent until they are answered take effect once each', async (context) => {
      const house = await House.open(context);
      let mcp = await house.connect(kind);
      const calls = Array.from({ length: 40 }, (_, number) => (
        { name: 'add_task', arguments: { description: `task of call ${number}` }, _meta: { [keyName]: randomUUID() } }));
      let answered = 0;
      let restarting;
      const callers = Array.from({ length: 4 }, async () => {
        for (let call = calls.pop(); call !== undefined; call = calls.pop()) {
          const result = await answerOf(call);
          assert.ok(!result.isError, JSON.stringify(result.content));
          if (++answered === 15) restarting = restart();
        }
      });
      await Promise.all(callers);
      await restarting;
      const descriptions = (await queueOf(mcp)).map((task) => task.description);
      assert.equal(descriptions.length, 40);
      assert.equal(new Set(descriptions).size, 40);

      // A call of the modern era whose server is killed ends by its time limit alone.
      async function answerOf(call) {
        for (let attempts = 1; ; attempts++) {
          try {
            return await mcp.call(call, { timeout: 5_000 });
          } catch (error) {
            if (attempts === 20) throw error;
            await restarting;
          }
        }
      }

      async function restart() {
        await house.restart();
        mcp = await house.connect(kind);
      }
    });

    test('the same client goes on', async (context) => {
      const house = await House.open(context);
      const mcp = await house.connect(kind);
      await mcp.call({ name: 'add_task', arguments: { description: 'before' } });
      await house.restart();
      await mcp.call({ name: 'add_task', arguments: { description: 'behind' } });
      assert.deepEqual((await queueOf(mcp)).map((task) => task.description), ['before', 'behind']);
    });

    if (kind.revision === modernRevision) return;
    test('a subscription goes on', async (context) => {
      const house = await House.open(context);
      const mcp = await house.connect(kind);
      let told = 0;
      let onTold = () => {};
      await mcp.subscribe('task://queue', () => {
        told++;
        onTold();
      });
      await house.restart();
      const hearing = new Promise((resolve) => { onTold = resolve; });
      await mcp.call({ name: 'add_task', arguments: { description: 'behind' } });
      await hearing;
      assert.ok(told > 0);
    });

    test('a call that was under way is answered', async (context) => {
      const house = await House.open(context);
      const mcp = await house.connect(kind);
      await mcp.call({ name: 'upload_file', arguments: { file_id: 'doc', content: 'text' } });
      const extracting = Promise.withResolvers();
      const call = mcp.call(
        { name: 'process_document', arguments: { file_id: 'doc' } },
        { timeout: patience, onprogress: ({ progress }) => progress >= 1 && extracting.resolve() });
      await extracting.promise;
      await house.restart();
      assert.match((await call).structuredContent.status, /success|error/);
    });
  });
}

async function queueOf(mcp) {
  return JSON.parse((await mcp.client.readResource({ uri: 'task://queue' })).contents[0].text);
}

/** A server over HTTP that can be killed and started again where it was, and its clients. */
class House {
  static async open(context) {
    const house = new House();
    house.data = makeDirectory();
    house.clients = [];
    house.server = await HttpServer.start(house.data);
    context.after(async () => {
      for (const client of house.clients) await client.close();
      await house.server.stop();
      removeDirectory(house.data);
    });
    return house;
  }

  async connect(kind) {
    const mcp = kind.create();
    await mcp.connectHttp(this.server.url);
    this.clients.push(mcp.client);
    return mcp;
  }

  async restart() {
    await this.server.kill();
    this.server = await HttpServer.start(this.data, this.server.port);
  }
}
