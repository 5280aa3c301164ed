import type { Digest } from '@countersign/kernel';
import { ask } from '@countersign/runtime';
import type pg from 'pg';

export type EntityFactStore = ReturnType<typeof createEntityFactStore>;

export function createEntityFactStore(pool: pg.Pool) {
  return {
    /** Durable when it resolves. Existing rows stay unchanged, because the same digest means the same content. */
    async insert(facts: readonly { readonly digest: Digest; readonly text: string }[]): Promise<void> {
      // Inserts in a fixed order, so that two nodes with the same entities cannot deadlock.
      await ask(
        pool,
        `insert into entity_facts (digest, document)
         select digest, document from unnest($1::text[], $2::text[]) as given (digest, document) order by digest
         on conflict (digest) do nothing`,
        [facts.map(({ digest }) => digest), facts.map(({ text }) => text)],
      );
    },
    /** Canonical JSON of entities by digest, without those that are not stored. */
    async load(digests: readonly Digest[]): Promise<ReadonlyMap<Digest, string>> {
      const { rows } = await ask<{ digest: string; document: string }>(
        pool,
        'select digest, document from entity_facts where digest = any($1::text[])',
        [[...digests]],
      );
      const wanted = new Map<string, Digest>(digests.map((digest) => [digest, digest]));
      return new Map(
        rows.flatMap(({ digest, document }) => {
          const asked = wanted.get(digest);
          return asked === undefined ? [] : [[asked, document] as const];
        }),
      );
    },
  };
}
