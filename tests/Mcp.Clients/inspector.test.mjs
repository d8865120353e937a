// The Inspector's command line, in both eras.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { HttpServer, program, run, temporaryDirectory } from './servers.mjs';

const inspector = fileURLToPath(new URL('./node_modules/.bin/mcp-inspector', import.meta.url));

for (const era of ['legacy', 'modern']) {
  describe(`Inspector, ${era}`, { timeout: 300_000 }, () => {
    let server, data;

    before(async () => {
      data = temporaryDirectory({ after });
      server = await HttpServer.start(data);
    });

    after(() => server?.stop());

    test('lists tools', async () => {
      const { tools } = await inspect(['--method', 'tools/list']);
      assert.equal(tools.length, 39);
    });
  });
}
