import {
  type ComponentMigrations,
  createScratchDatabase,
  createScratchTemplate,
  type ScratchDatabase,
  type ScratchTemplate,
  scratchServer,
} from '@countersign/runtime';
import { startTestServer } from './test-server.ts';

/** Of this process, by server and components: what was migrated for one test is copied for the next. */
const templates = new Map<string, Promise<ScratchTemplate>>();

/**
 * A fresh database with the given components migrated, on the PostgreSQL of this test run (see
 * `vitest-global-setup.ts`); outside of such a run, on one started for it alone. Call `drop()` when done.
 *
 * Those that one process makes with the same components share the roles of these. A test that alters a role makes a
 * `createScratchDatabase`, whose roles are its own.
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
