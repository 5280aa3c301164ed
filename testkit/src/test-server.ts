import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import type { OwnerConnection } from '@countersign/runtime';

export interface TestServer {
  readonly connection: OwnerConnection;
  /** Stops it and removes its data. */
  stop(): Promise<void>;
}

/** A PostgreSQL in a temporary folder, set up as the real one is, and gone afterwards. */
export async function startTestServer(): Promise<TestServer> {
  const folder = mkdtempSync(join(temporaryFolder(), 'countersign-test-'));
  // Started as root, the server runs under another account, which has to pass.
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

/** In memory where there is room: databases come and go by the dozen, and none has to survive a power cut. */
function temporaryFolder(): string {
  const memory = '/dev/shm';
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 2_000_000_000 ? memory : tmpdir();
}
