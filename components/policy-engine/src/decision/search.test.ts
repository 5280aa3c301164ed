import type { RecordDraft, SearchRequest } from '@countersign/contracts';
import { type Digest, digestOf, systemClock, systemRandom } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Question } from './question.ts';
import { type Candidates, candidatesOf, search } from './search.ts';

const caller = { id: 'service:pep', institution: '5493000ARRANGERDEM94' };
const request: SearchRequest = {
  kind: 'subject',
  subject: { type: 'person' },
  action: { name: 'order:create' },
  resource: { type: 'transaction', id: 'txn_1' },
};

/** A search over these people, of whom `permitted` permits some; it keeps what was asked and recorded. */
function searching(people: () => readonly string[], permitted: (id: string) => boolean) {
  const records: RecordDraft[] = [];
  const asked: string[] = [];
  const open = async (of: SearchRequest): Promise<Candidates> => ({
    policyVersion: 3,
    policyHash: 'h' as Digest,
    policyRecord: 'rec_1' as RecordDraft['id'],
    entityVersion: 7,
    after: candidatesOf(of, {
      visible: { subjects: () => [...people()].sort(), resources: () => [] },
      actions: [],
      question({ subject }) {
        asked.push(subject.id);
        return { principal: { type: 'Person', id: subject.id } } as Question;
      },
    }),
    permits: ({ principal }) => permitted(principal.id),
  });
  const audit = {
    async append(record: RecordDraft) {
      records.push(record);
      return { id: record.id, index: 0n, time: '' };
    },
  };
  const page = (of: SearchRequest['page'], changes: Pick<SearchRequest, 'context'> = {}) =>
    search({ ...request, ...changes, ...(of && { page: of }) }, caller, {
      open,
      inTime: (work) => work,
      audit,
      clock: systemClock,
      random: systemRandom,
    });
  async function walk(limit: number | undefined) {
    const pages: string[][] = [];
    for (let token: string | undefined; token !== ''; ) {
      const answer = await page({ ...(limit && { limit }), ...(token && { token }) });
      pages.push(answer.results.map((found) => ('id' in found ? found.id : '')));
      token = answer.nextToken;
    }
    return pages;
  }
  return { page, walk, records, asked };
}

const crowd = Array.from({ length: 4_500 }, (_, index) => `person:${String(index).padStart(5, '0')}`);

describe('a search', () => {
  it('finds each permitted person once, in id order, whatever the page size', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.string({ minLength: 1, maxLength: 4 }), { maxLength: 60 }),
        fc.func(fc.boolean()),
        fc.integer({ min: 1, max: 70 }),
        async (people, permitted, limit) => {
          const wanted = [...people].sort().filter((id) => permitted(id));
          const { walk, asked } = searching(() => people, permitted);
          const pages = await walk(limit);
          expect(pages.flat()).toEqual(wanted);
          expect(pages.every((page) => page.length <= limit)).toBe(true);
          expect(asked).toHaveLength(people.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it('asks a bounded number of questions a page and continues on the next', async () => {
    const { page, walk, asked } = searching(
      () => crowd,
      (id) => id === 'person:04499',
    );
    const first = await page(undefined);
    expect([first.results, first.nextToken === '', asked.length]).toEqual([[], false, 2_000]);
    asked.length = 0;
    expect(await walk(undefined)).toEqual([[], [], ['person:04499']]);
    expect(asked).toEqual(crowd);
  });

  it('returns a hundred a page by default and a thousand at most', async () => {
    const { page } = searching(
      () => crowd,
      () => true,
    );
    expect((await page(undefined)).results).toHaveLength(100);
    expect((await page({ limit: 1_000_000 })).results).toHaveLength(1_000);
  });

  it('continues at the right place when people come and go between two pages', async () => {
    let people = ['a', 'b', 'c', 'd', 'e'];
    const { page } = searching(
      () => people,
      () => true,
    );
    const first = await page({ limit: 2 });
    people = ['a', 'aa', 'd', 'f'];
    const second = await page({ limit: 2, token: first.nextToken });
    expect(second.results.map((found) => 'id' in found && found.id)).toEqual(['d', 'f']);
    expect(second.nextToken).toBe('');
  });

  it('records every page with a digest of its content, without the names', async () => {
    const { page, records } = searching(
      () => crowd,
      () => true,
    );
    const { results, nextToken, recordId } = await page({ limit: 3 });
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({
      id: recordId,
      type: 'decision.searched',
      outcome: 'done',
      references: ['rec_1'],
      actors: [caller],
      data: {
        search: 'subject',
        subject_type: 'person',
        action: 'order:create',
        resource: 'txn_1',
        first_page: true,
        last_page: false,
        questions: 3,
        results: 3,
        results_digest: digestOf(results),
        entity_version: 7,
      },
    });
    expect(JSON.stringify(records)).not.toContain('person:00000');
    await page({ token: nextToken });
    expect(records[1]).toMatchObject({ data: { first_page: false } });
  });

  it('is refused as a whole, and at once, when no page token could be bound to it', async () => {
    for (const context of [{ note: '\ud800' }, { note: Number.POSITIVE_INFINITY }]) {
      const { page, records, asked } = searching(
        () => crowd,
        () => true,
      );
      await expect(page({ limit: 1 }, { context })).rejects.toMatchObject({ code: 'evaluation_invalid' });
      await expect(page(undefined, { context })).rejects.toMatchObject({ code: 'evaluation_invalid' });
      expect([records, asked]).toEqual([[], []]);
    }
  });

  it('yields to other work while it runs, even when a few questions take long', async () => {
    // 60 questions of 5 ms each, as for a model with large entities.
    const slow = (): boolean => {
      for (const until = performance.now() + 5; performance.now() < until; );
      return false;
    };
    const { page } = searching(() => crowd.slice(0, 60), slow);
    let turns = 0;
    let done = false;
    const others = (async () => {
      for (; !done; turns++) await new Promise(setImmediate);
    })();
    await page(undefined);
    done = true;
    await others;
    expect(turns).toBeGreaterThan(10);
  });
});
