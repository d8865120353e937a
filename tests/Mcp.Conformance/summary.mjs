// Counts the checks of one run of the conformance suite and lists what is not well. Arguments: revision, folder of results, the suite's exit code.
import { readFileSync, readdirSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const [revision, folder, code] = process.argv.slice(2);
const suite = fileURLToPath(new URL('./node_modules/@modelcontextprotocol/conformance/', import.meta.url));
const required = requiredScenarios(readFileSync(join(suite, 'requirements', `${revision}.yaml`), 'utf8'));

const counts = {};
const problems = [];
const others = [];
const seen = new Set();
for (const name of readdirSync(folder)) {
  const file = join(folder, name, 'checks.json');
  if (!existsSync(file)) continue;
  const scenario = [...required].find((one) => name.startsWith(`server-${one}-`) && /^\d/.test(name.slice(`server-${one}-`.length)));
  if (scenario) seen.add(scenario);
  for (const check of JSON.parse(readFileSync(file, 'utf8'))) {
    if (check.status === 'INFO') continue;
    const isWell = check.status === 'SUCCESS';
    const line = `  ${check.status} ${name} ${check.id}: ${check.errorMessage ?? JSON.stringify(check.details ?? {})}`;
    if (scenario) {
      counts[check.status] = (counts[check.status] ?? 0) + 1;
      if (!isWell) problems.push(line);
    } else if (!isWell) others.push(line);
  }
}
for (const scenario of required) if (!seen.has(scenario)) problems.push(`  MISSING ${scenario}`);
const text = Object.entries(counts).map(([status, count]) => `${count} ${status}`).join(', ');
console.log(`${revision}: ${seen.size} of ${required.size} required scenarios, ${text}`);
for (const line of problems) console.log(line);
if (others.length > 0) console.log(`  (${others.length} checks of scenarios that are not required are not well)`);
const bad = problems.filter((line) => !line.startsWith('  SKIPPED'));
process.exit(bad.length === 0 && code === '0' ? 0 : 1);

/** The list under "server:" of a requirement set. */
function requiredScenarios(yaml) {
  const names = new Set();
  let isServer = false;
  for (const line of yaml.split('\n')) {
    if (/^\S/.test(line) && !line.startsWith('#')) isServer = line.startsWith('server:');
    const item = /^ {2}- ([\w-]+)\s*$/.exec(line);
    if (isServer && item) names.add(item[1]);
  }
  return names;
}
