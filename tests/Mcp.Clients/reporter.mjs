// One line a test, what went wrong in full, and at the end "N passed, N failed".
export default async function* report(source) {
  const counts = { passed: 0, failed: 0, skipped: 0 };
  const failures = [];
  for await (const { type, data } of source) {
    if (type === 'test:diagnostic' && data.level === 'error') yield `${data.message}\n`;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const indent = '  '.repeat(data.nesting);
    if (data.details.type === 'suite') {
      yield `${indent}${data.name}\n`;
      if (type === 'test:fail' && data.details.error?.failureType !== 'subtestsFailed') failures.push(data);
      continue;
    }
    const outcome = data.skip !== undefined ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed';
    counts[outcome]++;
    if (outcome === 'failed') failures.push(data);
    const why = typeof data.skip === 'string' ? `: ${data.skip}` : '';
    yield `${indent}${outcome} ${data.name}${why} (${Math.round(data.details.duration_ms)} ms)\n`;
  }
  counts.failed += failures.filter((failure) => failure.details.type === 'suite').length;
  for (const { name, details } of failures) yield `\nFAILED ${name}\n${details.error?.cause?.stack ?? details.error?.stack ?? details.error}\n`;
  if (counts.skipped > 0) yield `\n${counts.skipped} skipped\n`;
  yield `\n${counts.passed} passed, ${counts.failed} failed\n`;
}
