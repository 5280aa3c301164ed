import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import type { OwnerConnection } from '@countersign/runtime';

export interface TestServer {
  readonly connection: OwnerConnection;
  stop(): Promise<void>;
}

/** A temporary PostgreSQL, configured like the real one. */
export async function startTestServer(): Promise<TestServer> {
  const folder = mkdtempSync(join(temporaryFolder(), 'countersign-test-'));
  // When started as root, the server runs under another account, which must be able to enter this folder.
  chmodSync(folder, 0o711);
  const remove = (): void => rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  try {
    const server = await startEmbeddedPostgres({ dataFolder: join(folder, 'data'), fallbackRoots: [] });
    return {
      connection: server.connection,
      async stop() {
        await server.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** In memory if there is room: tests create many databases, and none needs to survive a power failure. */
function temporaryFolder(): string {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 2_000_000_000 ? memory : tmpdir();
}
