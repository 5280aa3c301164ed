import { codeOf } from '@countersign/testkit';
import type pg from 'pg';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { termNumber } from '../query/record-terms.ts';
import { createRig, draft, drafts, type Rig } from '../testing/rig.ts';

/** Everything below uses a connection with the role of the log, by an attacker who wants to hide a record. */
describe('a record that an attacker with the role of the log wants to hide', () => {
  let rig: Rig;
  let log: RunningAuditLog;
  let thief: pg.Pool;
  beforeEach(async () => {
    rig = await createRig();
    // The index is extended only by searches.
    log = await rig.open({ indexTermsEveryMs: 3_600_000 });
    thief = rig.pool();
  });
  afterEach(() => rig.close());

  const found = (client: string) => log.query({ client });

  it('is not skipped by an index that claims to reach further than it does', async () => {
    await log.append(draft({ client: 'oms' }));
    expect(await found('oms')).toHaveLength(1);
    await log.append(draft({ client: 'hidden' }));
    await thief.query(
      `select terms_were_drawn(rule, size, size + 1, sha256('made up')) from terms_drawn order by size desc limit 1`,
    );
    expect(await codeOf(found('hidden'))).toBe('log_inconsistent');
    expect(await codeOf(log.append(draft()))).toBe('log_inconsistent');
  });

  it('is not omitted by a forged list of positions written before the index', async () => {
    await Promise.all(drafts(3, { client: 'oms' }).map((one) => log.append(one)));
    const { rows } = await rig.tamper(`select min(index)::text as first from entries where type = $1`, [draft().type]);
    await thief.query('insert into terms (term, first) values ($1, $2)', [
      termNumber('client oms').toString(),
      (rows[0] as { first: string }).first,
    ]);
    expect(await codeOf(found('oms'))).toBe('log_inconsistent');
  });

  it('is detected as missing if its stream is falsely marked as monitored', async () => {
    await log.watchStreams();
    await log.append(draft());
    await thief.query(
      `select streams_were_watched(through, through + 1, watched, sha256('made up')) from stream_monitor`,
    );
    expect(await codeOf(log.watchStreams())).toBe('log_inconsistent');
  });

  it('cannot be skipped by removing the seal of a mark', async () => {
    await log.append(draft({ client: 'oms' }));
    await found('oms');
    await log.watchStreams();
    for (const sql of [
      'select terms_were_drawn(rule, size, size + 1, null) as moved from terms_drawn',
      'select streams_were_watched(through, through + 1, watched, null) as moved from stream_monitor',
    ])
      expect((await thief.query(sql)).rows, sql).not.toContainEqual({ moved: true });
  });
});
