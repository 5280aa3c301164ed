import {
  type ComponentMigrations,
  createScratchDatabase,
  createScratchTemplate,
  type ScratchDatabase,
  type ScratchTemplate,
  scratchServer,
} from '@countersign/runtime';
import { startTestServer } from './test-server.ts';

/** Templates of this process by server and components; each test gets a copy. */
const templates = new Map<string, Promise<ScratchTemplate>>();

/**
 * A fresh database with the given components migrated, on the PostgreSQL of this test run (see `vitest-global-setup.ts`); outside
 * of such a run, on a server started for it. Call `drop()` when done.
 * Databases of one process with the same components share their roles. A test that alters a role must use
 * `createScratchDatabase`, which has roles of its own.
 */
export async function createTestDatabase(
  options: { readonly components?: readonly ComponentMigrations[] } = {},
): Promise<ScratchDatabase> {
  const components = options.components ?? [];
  const shared = scratchServer();
  if (shared !== undefined) {
    const key = JSON.stringify([shared, components]);
    const template = templates.get(key) ?? createScratchTemplate({ server: shared, components });
    templates.set(key, template);
    return (await template).copy();
  }
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
