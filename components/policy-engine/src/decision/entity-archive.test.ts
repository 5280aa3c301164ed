import { type Digest, digestOf } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { type Closure, createEntityArchive } from './entity-facts.ts';

const closure = (): Closure =>
  ({ facts: [{ digest: digestOf('a') as Digest, text: '"a"' }], listed: [], text: '[]' }) as unknown as Closure;

describe('the entity archive', () => {
  it('stores an entity once however many callers meet it first, and all wait until it is stored', async () => {
    const inserted: number[] = [];
    let finish = (): void => undefined;
    const stored = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const archive = createEntityArchive({
      async insert(facts) {
        inserted.push(facts.length);
        await stored;
      },
    });
    const read = closure();
    let through = 0;
    const all = Array.from({ length: 500 }, async () => {
      await archive.keep(read);
      through++;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(through).toBe(0);
    finish();
    await Promise.all(all);
    expect([through, inserted]).toEqual([500, [1]]);
    expect(archive.keep(read)).toBeUndefined();
  });

  it('retries what could not be stored', async () => {
    let works = false;
    const archive = createEntityArchive({
      async insert() {
        if (!works) throw new Error('the database is gone');
      },
    });
    const read = closure();
    await expect(archive.keep(read)).rejects.toThrow('the database is gone');
    works = true;
    await expect(archive.keep(read)).resolves.toBeUndefined();
    expect(archive.keep(read)).toBeUndefined();
  });
});
