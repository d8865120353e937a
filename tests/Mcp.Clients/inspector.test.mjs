// The Inspector's command line, in both eras.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HttpServer, makeDirectory, removeDirectory, run } from './servers.mjs';

const inspector = fileURLToPath(new URL('./node_modules/.bin/mcp-inspector', import.meta.url));

for (const era of ['legacy', 'modern']) {
  describe(`Inspector, ${era}`, { timeout: 300_000 }, () => {
    let server, data;

    before(async () => {
      data = makeDirectory();
      server = await HttpServer.start(data);
    });

    after(async () => {
      await server?.stop();
      removeDirectory(data);
    });

    test('lists tools', async () => {
      const { tools } = await inspect(['--method', 'tools/list']);
      assert.equal(tools.length, 39);
    });
  });
}
