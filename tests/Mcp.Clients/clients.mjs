// The clients, each behind the same few calls: what differs between them is here, what they must see is in the tests.
import { Client as ClientV1 } from '@modelcontextprotocol/sdk/client/index.js';
import { StdioClientTransport as StdioV1 } from '@modelcontextprotocol/sdk/client/stdio.js';
import { StreamableHTTPClientTransport as HttpV1 } from '@modelcontextprotocol/sdk/client/streamableHttp.js';
import { ResourceUpdatedNotificationSchema } from '@modelcontextprotocol/sdk/types.js';
import { Client as ClientV2, StreamableHTTPClientTransport as HttpV2 } from '@modelcontextprotocol/client';
import { StdioClientTransport as StdioV2 } from '@modelcontextprotocol/client/stdio';

export const legacyRevision = '2025-11-25';
export const modernRevision = '2026-07-28';

/** A server that starts again on a busy machine takes longer than the clients wait by themselves. */
const reconnectionOptions = { initialReconnectionDelay: 500, maxReconnectionDelay: 5_000, reconnectionDelayGrowFactor: 1.5, maxRetries: 20 };

const us = { name: 'varve-tests', version: '1' };

/** Every kind of client: its name, the revision it is to speak, and how it is made. */
export const kinds = [
  { name: 'TypeScript client 1', revision: legacyRevision, create: () => new VersionOne() },
  { name: 'TypeScript client 2, legacy', revision: legacyRevision, create: () => new VersionTwo(false) },
  { name: 'TypeScript client 2, modern', revision: modernRevision, create: () => new VersionTwo(true) },
];

class VersionOne {
  client = new ClientV1(us);

  connectStdio(command) {
    this.transport = new StdioV1(command);
    return this.client.connect(this.transport);
  }

  connectHttp(url, headers = {}) {
    this.transport = new HttpV1(url, { reconnectionOptions, requestInit: { headers } });
    return this.client.connect(this.transport);
  }

  get revision() {
    return this.transport?.protocolVersion;
  }

  call(params, options) {
    return this.client.callTool(params, undefined, options);
  }

  /** Calls back for every change of a resource from now on; what it returns ends that. */
  async subscribe(uri, onUpdate) {
    this.client.setNotificationHandler(ResourceUpdatedNotificationSchema, (notification) => onUpdate(notification.params.uri));
    await this.client.subscribeResource({ uri });
    return () => this.client.unsubscribeResource({ uri });
  }
}

class VersionTwo {
  constructor(isModern) {
    this.isModern = isModern;
    this.client = new ClientV2(us, { versionNegotiation: { mode: isModern ? { pin: modernRevision } : 'legacy' } });
  }

  connectStdio(command) {
    this.transport = new StdioV2(command);
    return this.client.connect(this.transport);
  }

  connectHttp(url, headers = {}) {
    this.transport = new HttpV2(url, { reconnectionOptions, requestInit: { headers } });
    return this.client.connect(this.transport);
  }

  get revision() {
    return this.client.getNegotiatedProtocolVersion();
  }

  call(params, options) {
    return this.client.callTool(params, options);
  }

  async subscribe(uri, onUpdate) {
    this.client.setNotificationHandler('notifications/resources/updated', (notification) => onUpdate(notification.params.uri));
    if (this.isModern) {
      const subscription = await this.client.listen({ resourceSubscriptions: [uri] });
      return () => subscription.close();
    }
    await this.client.subscribeResource({ uri });
    return () => this.client.unsubscribeResource({ uri });
  }
}
