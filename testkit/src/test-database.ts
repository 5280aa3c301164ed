import {
  type ComponentMigrations,
  createScratchDatabase,
  type ScratchDatabase,
  scratchServer,
} from '@countersign/runtime';
import { startTestServer } from './test-server.ts';

/**
 * A fresh database with the given components migrated, on the PostgreSQL of this test run (see
 * `vitest-global-setup.ts`); outside of such a run, on one started for it alone. Call `drop()` when done.
 */
export async function createTestDatabase(
  options: { readonly components?: readonly ComponentMigrations[] } = {},
): Promise<ScratchDatabase> {
  const components = options.components ?? [];
  const shared = scratchServer();
  if (shared !== undefined) return createScratchDatabase({ server: shared, components });
  const own = await startTestServer();
  const scratch = await createScratchDatabase({ server: own.connection, components });
  return {
    ...scratch,
    async drop() {
      await scratch.drop();
      await own.stop();
    },
  };
}
