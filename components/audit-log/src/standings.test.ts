import { createStandingCheck, ended, type Standing, standing } from '@countersign/contracts';
import { digestOf, systemRandom } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from './index.ts';
import { createStandingQuestions } from './standings.ts';
import { createRig, draft, drafts, type Rig } from './testing/rig.ts';

let rig: Rig;
let log: RunningAuditLog;
beforeAll(async () => {
  rig = await createRig();
  log = await rig.open();
});
afterAll(() => rig.close());

const strong = { acr: 'phrh', person: 'person:anna' };
const weak = { acr: 'pwd', person: 'person:anna' };
const standingDraft = (...all: readonly Standing[]) => draft({ standing: all });
const checkOf = (one: RunningAuditLog = log) =>
  createStandingCheck({ log: one, source: 'authentication', clock: rig.clock, random: systemRandom });

describe('simultaneous questions about standings', () => {
  it('are sent to the database together, and each gets its own answer', async () => {
    let asked = 0;
    const ask = createStandingQuestions({
      async newestStandings(subjects) {
        asked += 1;
        return subjects
          .filter((subject) => !subject.endsWith('none'))
          .map((subject) => ({ subject, index: 1n, digest: null, seal: null, recordId: subject }));
      },
    });
    const questions = Array.from({ length: 200 }, (_, number) => ['all', `thing:${number}`, `thing:${number}:none`]);
    const answers = await Promise.all(questions.map(ask));
    expect(answers.map((rows) => rows.map(({ subject }) => subject))).toEqual(
      questions.map(([all, own]) => [all, own]),
    );
    expect(asked).toBeLessThan(10);
  });

  it('see every record appended before them', async () => {
    await Promise.all(
      Array.from({ length: 100 }, async (_, number) => {
        const { id, index } = await log.append(standingDraft(standing(`own:${number}`, weak)));
        expect((await log.standings([`own:${number}`])).get(`own:${number}`)).toMatchObject({ record: id, index });
      }),
    );
  });

  it('fail together if the database fails, and the next one is answered', async () => {
    let broken = true;
    const ask = createStandingQuestions({
      async newestStandings() {
        if (broken) throw new Error('gone');
        return [];
      },
    });
    const failed = await Promise.allSettled([ask(['a']), ask(['b'])]);
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    broken = false;
    expect(await ask(['a'])).toEqual([]);
  });
});

describe('the standing of a thing', () => {
  it('is that of its newest record, on every node', async () => {
    const other = await rig.open();
    const first = await log.append(standingDraft(standing('session:a', weak), standing('session:b', weak)));
    const second = await other.append(standingDraft(standing('session:a', strong)));
    for (const node of [log, other])
      expect(await node.standings(['session:a', 'session:b', 'session:none'])).toEqual(
        new Map([
          ['session:a', { record: second.id, index: second.index, digest: digestOf(strong) }],
          ['session:b', { record: first.id, index: first.index, digest: digestOf(weak) }],
        ]),
      );
  });

  it('has ended once a record says so, whatever the row says', async () => {
    await log.append(standingDraft(standing('session:c', strong)));
    const end = await log.append(standingDraft(ended('session:c')));
    expect((await log.standings(['session:c'])).get('session:c')).toEqual({ record: end.id, index: end.index });
    expect(await checkOf().holds({ of: 'session:c', content: strong })).toBe(false);
  });

  it('is listed by name prefix, page by page, until it has ended', async () => {
    const names = ['list:a', 'list:b', 'list:b:1', 'list:c', 'list:~'];
    for (const of of [...names, 'lisu', 'list', 'lis:z']) await log.append(standingDraft(standing(of, weak)));
    const newer = await log.append(standingDraft(standing('list:c', strong)));
    await log.append(standingDraft(ended('list:b')));
    const all = await log.standingsUnder('list:', { limit: 1_000 });
    expect(all.things.map(({ of }) => of)).toEqual(['list:a', 'list:b:1', 'list:c', 'list:~']);
    expect(all).not.toHaveProperty('next');
    expect(all.things[2]).toEqual({ of: 'list:c', record: newer.id, index: newer.index, digest: digestOf(strong) });
    const first = await log.standingsUnder('list:', { limit: 2 });
    expect(first).toMatchObject({ things: [{ of: 'list:a' }], next: 'list:b' });
    const rest = await log.standingsUnder('list:', { after: first.next, limit: 1_000 });
    expect(rest.things.map(({ of }) => of)).toEqual(['list:b:1', 'list:c', 'list:~']);
    expect(await log.standingsUnder('none:', { limit: 10 })).toEqual({ things: [] });
  });

  it('is returned for the last name under each prefix, even if ended', async () => {
    for (const name of ['count:a:0009', 'count:a:0010', 'count:b:0001', 'count:a'])
      await log.append(standingDraft(standing(name, weak)));
    const newer = await log.append(standingDraft(standing('count:a:0010', strong)));
    const end = await log.append(standingDraft(ended('count:b:0002')));
    expect(await log.lastUnder(['count:a:', 'count:b:', 'count:c:'])).toEqual(
      new Map<string, unknown>([
        ['count:a:', { of: 'count:a:0010', record: newer.id, index: newer.index, digest: digestOf(strong) }],
        ['count:b:', { of: 'count:b:0002', record: end.id, index: end.index }],
      ]),
    );
    expect(await log.lastUnder([])).toEqual(new Map());
  });

  it('is written with its record or not at all, in one batch with others', async () => {
    const batch = drafts(20).map((one, number) => ({ ...one, standing: [standing(`approval:${number}`, { number })] }));
    const receipts = await Promise.all(batch.map((one) => log.append(one)));
    const found = await log.standings(batch.map((_, number) => `approval:${number}`));
    expect([...found.values()].map(({ record }) => record).sort()).toEqual(receipts.map(({ id }) => id).sort());
    await expect(log.append({ ...draft(), standing: [standing('two words', {})] })).rejects.toThrow();
    await expect(log.append(standingDraft(standing('session:d', {}), ended('session:d')))).rejects.toThrow();
    expect((await log.standings(['session:d'])).size).toBe(0);
  });

  it('is part of the leaf, and verification compares the two', async () => {
    const receipt = await log.append(standingDraft(standing('session:e', weak)));
    expect((await log.find(receipt.id))?.record.standing).toEqual([{ of: 'session:e', digest: digestOf(weak) }]);
    expect(await log.verify()).toMatchObject({ ok: true });
    const forged = Buffer.from(digestOf(strong), 'base64url');
    await rig.tamper('update standings set digest = $1 where subject = $2', [forged, 'session:e']);
    expect(await log.verify()).toMatchObject({ ok: false, reason: 'standing_altered', index: receipt.index });
    await rig.tamper('update standings set digest = $1 where subject = $2', [
      Buffer.from(digestOf(weak), 'base64url'),
      'session:e',
    ]);
    await rig.tamper('insert into standings (subject, index, digest) values ($1, 1000000, $2)', ['session:e', forged]);
    expect(await log.verify()).toMatchObject({ ok: false, reason: 'standing_unexpected' });
    await rig.tamper('delete from standings where index = 1000000');
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('cannot be reverted by the role of the log', async () => {
    const pool = rig.pool();
    for (const sql of ['delete from standings', "update standings set digest = null where subject = 'session:a'"])
      await expect(pool.query(sql)).rejects.toMatchObject({ code: '42501' });
  });
});

describe('a standing row checked against the log', () => {
  it('counts while its newest record says the same', async () => {
    const { id } = await log.append(standingDraft(standing('session:f', strong)));
    const check = checkOf();
    expect(await check.require({ of: 'session:f', content: { person: 'person:anna', acr: 'phrh' } })).toMatchObject({
      record: id,
    });
    expect(
      await check.holding([
        { of: 'session:f', content: strong },
        { of: 'session:f', content: weak },
        { of: 'session:invented', content: strong },
      ]),
    ).toEqual([{ of: 'session:f', content: strong }]);
  });

  it('that claims more counts for nothing, and the difference is recorded once', async () => {
    await log.append(standingDraft(standing('session:g', weak)));
    const check = checkOf();
    const before = (await log.search({ type: 'row.rejected' })).length;
    const claim = { of: 'session:g', content: strong };
    expect(await codeOf(check.require(claim))).toBe('authority_unproven');
    expect(await check.holds(claim)).toBe(false);
    const recorded = (await log.search({ type: 'row.rejected' })).slice(before);
    expect(recorded).toHaveLength(1);
    expect(recorded[0]?.record).toMatchObject({
      outcome: 'deny',
      data: { of: 'session:g', found: digestOf(strong), recorded: digestOf(weak) },
    });
  });
});
