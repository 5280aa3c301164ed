import { chmodSync, chownSync, lstatSync, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Clock } from '@countersign/kernel';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { agentErrors } from './errors.ts';
import { createSecretDiscovery, secretDiscoveryDefinition } from './secret-discovery.ts';
import type { SvidSource } from './svid-source.ts';
import { createWorkloadApi, workloadApiDefinition } from './workload-api.ts';

export interface Endpoint {
  /** For `SPIFFE_ENDPOINT_SOCKET`. */
  readonly address: string;
  stop(): Promise<void>;
}

/**
 * Serves the workload of one entry over a Unix socket of its own. The folder of the socket must be closed to other
 * users: Node cannot ask the kernel who connected, so the folder decides.
 * @param options.user numeric user id of the workload; that of the agent when left out
 * @throws CodedError `agent_configuration_invalid` when other users can reach the folder
 */
export async function openEndpoint({
  socket,
  user,
  source,
  clock,
}: {
  readonly socket: string;
  readonly user?: number;
  readonly source: SvidSource;
  readonly clock: Clock;
}): Promise<Endpoint> {
  const folder = dirname(socket);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  requireClosed(folder, user);
  rmSync(socket, { force: true });
  const server = new Server({ 'grpc.max_receive_message_length': 65_536, 'grpc.max_concurrent_streams': 1_000 });
  server.addService(workloadApiDefinition, createWorkloadApi(source, clock));
  server.addService(secretDiscoveryDefinition, createSecretDiscovery(source));
  await new Promise<void>((resolve, reject) => {
    server.bindAsync(`unix:${socket}`, ServerCredentials.createInsecure(), (error) =>
      error === null
        ? resolve()
        : reject(
            agentErrors.error('agent_configuration_invalid', `The socket ${socket} cannot be opened: ${error.message}`),
          ),
    );
  });
  chmodSync(socket, 0o600);
  if (user !== undefined) {
    chownSync(socket, user, -1);
    chownSync(folder, user, -1);
  }
  return {
    address: `unix://${socket}`,
    async stop() {
      server.forceShutdown();
      rmSync(socket, { force: true });
    },
  };
}

function requireClosed(folder: string, user: number | undefined): void {
  const { mode, uid } = lstatSync(folder);
  const own = process.getuid?.() ?? uid;
  if ((mode & 0o077) !== 0 || (uid !== own && uid !== user))
    throw agentErrors.error(
      'agent_configuration_invalid',
      `Other users can reach the folder ${folder}. Give it to the user of the workload only (chmod 0700).`,
    );
}
