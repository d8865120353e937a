// What a client does with each of the servers, as in `varve-mcp examples`. A flow gets `call`, which must go well and gives the structured
// result, `refused`, which must not, `attempt`, which may go either way, and `read`, the text of a resource.
import assert from 'node:assert/strict';

export const flows = {
  async audit({ call }) {
    const alice = await call('create_user', { name: 'Alice', email: 'alice@example.com' });
    await call('create_user', { name: 'Bob', email: 'bob@example.com' });
    const carol = await call('create_user', { name: 'Carol', email: 'carol@example.com' });
    await call('delete_user', { user_id: carol.user_id, reason: 'asked for it' });
    const log = await call('get_audit_log', { log_name: 'user_operations', limit: 10 });
    assert.equal(log.count, 4);
    assert.deepEqual(log.entries.map((entry) => entry.action ?? entry.tool), ['delete_user', 'create_user', 'create_user', 'create_user']);
    await call('update_user', { user_id: alice.user_id, updates: { role: 'admin' } });
    const events = await call('get_audit_log', { log_name: 'security_events', limit: 5 });
    assert.deepEqual([events.count, events.entries[0].old_role, events.entries[0].new_role], [1, 'user', 'admin']);
  },

  async steps({ call, refused }) {
    const alice = await call(
      'create_user_with_profile', { username: 'alice', email: 'alice@example.com', bio: 'Software engineer' });
    await call('create_user_with_profile', { username: 'bob', email: 'bob@example.com', avatar_url: 'https://example.com/bob.png' });
    assert.equal((await call('get_user', { user_id: alice.user_id })).user.username, 'alice');
    assert.equal((await call('get_profile', { profile_id: alice.profile_id })).profile.bio, 'Software engineer');
    await refused('get_user', { user_id: 'user_nobody' });
  },

  async processing({ call, refused, attempt }) {
    const first = await call('process_payment', { amount: 99.99, description: 'Books' });
    await call('process_payment', { amount: 49.99, currency: 'EUR' });
    const third = await call('process_payment', { amount: 75.01, description: 'Tickets' });
    for (const { payment } of [first, third])
      assert.equal((await call('get_payment', { transaction_id: payment.transaction_id })).payment.amount, payment.amount);
    assert.equal((await refused('process_payment', { amount: 999999.99 })).error_type, 'InsufficientFundsError');
    assert.equal((await refused('process_payment', { amount: 10, currency: 'INVALID' })).error_type, 'PaymentRejectedError');
    const rate = await attempt('fetch_exchange_rate', { from_currency: 'USD', to_currency: 'EUR' });
    assert.ok(rate.status === 'error' || rate.data.rate > 0);
  },

  async document({ call, refused, attempt }) {
    await call('upload_file', { file_id: 'doc-001', content: 'About durable execution.', metadata: { author: 'Alice' } });
    const job = await attempt('process_document', { file_id: 'doc-001', target_language: 'es' });
    if (job.status === 'success') assert.equal((await call('get_job_status', { job_id: job.job_id })).job.result, job.result);
    else assert.equal(typeof job.retryable, 'boolean');
    assert.equal((await refused('process_document', { file_id: 'doc-404' })).step, 'lookup');
  },

  async define({ call, refused }) {
    for (const [term, category] of [['API', 'architecture'], ['gRPC', 'architecture'], ['GraphQL', 'architecture'], ['Docker', 'devops']])
      await call('add_term', { term, definition: `What ${term} is.`, category, examples: ['one', 'two'] });
    for (const term of ['API', 'GRPC', 'grpc', 'gRpC']) assert.equal((await call('define', { term })).status, 'success');
    assert.equal((await call('list_terms', {})).count, 4);
    assert.deepEqual((await call('search_terms', { prefix: 'gR' })).terms.map((found) => found.term), ['GraphQL', 'gRPC']);
    assert.equal((await call('browse_category', { category: 'architecture' })).count, 3);
    assert.equal((await call('recent_terms', { limit: 3 })).recent_terms[0].term, 'Docker');
    await call('remove_term', { term: 'Docker' });
    await refused('define', { term: 'Docker' });
  },

  async tasks({ call, refused, read }) {
    await call('add_task', { description: 'Write a haiku about MCP' });
    await call('add_task', { description: 'Answer the mail', priority: 1 });
    assert.equal(JSON.parse(await read('task://queue')).length, 2);
    const next = await call('get_next_task', {});
    assert.equal(next.task_id, 'task-002');
    await call('start_task', { task_id: 'task-002' });
    await call('complete_task', { task_id: 'task-002', result: 'Answered' });
    await refused('start_task', { task_id: 'task-002' });
    await call('add_tasks_batch', { descriptions: ['Water the plants', 'Fail for once'] });
    const run = await call('run_orchestrator', { max_tasks: 10 });
    assert.deepEqual([run.completed, run.failed], [2, 1]);
    assert.equal(JSON.parse(await read('task://stats')).total, 4);
    assert.equal(JSON.parse(await read('task://filter/failed'))[0].id, 'task-004');
    await call('clear_completed', {});
    assert.equal(JSON.parse(await read('task://completed')).length, 0);
  },

  async store({ call, refused, read }) {
    const cities = { 'fr/lyon': '520,774', 'fr/paris': '2,113,705', 'jp/tokyo': '14,094,034' };
    await call('map_insert', { name: 'cities', entries: cities });
    assert.equal((await call('map_get', { name: 'cities', key: 'fr/paris' })).value, cities['fr/paris']);
    const range = await call('map_range', { name: 'cities', start_key: 'fr/', end_key: 'fr0', limit: 10 });
    assert.deepEqual(range.entries.map((entry) => entry.key), ['fr/lyon', 'fr/paris']);
    const last = await call('map_reverse_range', { name: 'cities', limit: 2 });
    assert.deepEqual([last.entries[0].key, last.next_start_key], ['jp/tokyo', 'fr/lyon']);
    assert.equal(await read('map://cities/fr%2Fparis'), cities['fr/paris']);
    await call('map_remove', { name: 'cities', keys: ['jp/tokyo', 'nowhere'] });
    assert.equal((await call('map_stats', { name: 'cities' })).entries, 2);
    assert.ok((await call('list_maps', {})).maps.includes('cities'));
    await refused('map_range', { name: '$varve/invocations', limit: 1 });
  },

  async journeys({ call, refused }) {
    const { data: created } = await call('journeys_tool', { action: 'create', name: 'New Journey' });
    await call('journeys_tool', { action: 'update', journey_id: created.journey_id, description: 'Along the coast' });
    const { data: journey } = await call('journeys_tool', { action: 'get', journey_id: created.journey_id });
    assert.deepEqual([journey.name, journey.description], ['New Journey', 'Along the coast']);
    await call('journeys_tool', { action: 'create', name: 'Another', description: 'Over the hills' });
    assert.equal((await call('journeys_tool', { action: 'list' })).data.length, 2);
    await call('journeys_tool', { action: 'delete', journey_id: created.journey_id });
    await refused('journeys_tool', { action: 'get', journey_id: created.journey_id });
  },
};

/** What a flow calls. */
export function callsOf(mcp) {
  const calling = async (name, args, isError) => {
    const result = await mcp.call({ name, arguments: args });
    if (isError !== undefined) assert.equal(result.isError === true, isError, `${name}: ${JSON.stringify(result.content)}`);
    assert.equal(result.structuredContent.status, result.isError ? 'error' : 'success');
    return result.structuredContent;
  };
  return {
    call: (name, args) => calling(name, args, false),
    refused: (name, args) => calling(name, args, true),
    attempt: (name, args) => calling(name, args),
    read: async (uri) => (await mcp.client.readResource({ uri })).contents[0].text,
  };
}
