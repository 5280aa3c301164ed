import { type HoldScope, type RecordDraft, type RetentionClass, retentionClassOf } from '@countersign/contracts';
import { type RecordId, toInstant } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createRig, draft, newMandate, newRecordId, newTransaction, type Rig } from '../testing/rig.ts';

const yearMs = 365.25 * 86_400_000;
const by = { id: 'person:colin.counsel', institution: '5493001KJTIIGC8Y1R12' };

let rig: Rig;
let log: RunningAuditLog;
beforeEach(async () => {
  rig = await createRig();
  log = await rig.open();
});
afterEach(() => rig.close());

const write = async (members: Partial<RecordDraft> = {}): Promise<RecordId> => {
  const made = draft(members);
  await log.append(made);
  return made.id;
};
const passYears = (years: number) => rig.clock.advance(years * yearMs);

/** Two people have approved it, as far as the log can tell. */
async function approved(
  type: 'retention.pruning-approved' | 'erasure.approved',
  data: NonNullable<RecordDraft['data']>,
): Promise<RecordId> {
  return write({ type, source: 'retention', outcome: 'done', data });
}
async function governedUpTo(): Promise<bigint> {
  return log.newest(['hold.placed', 'retention.changed']);
}
/** Prunes everything of a class up to now. */
async function prune(
  of: RetentionClass,
  options: {
    readonly holds?: readonly HoldScope[];
    readonly asOf?: bigint;
    readonly authority?: RecordId;
    readonly on?: RunningAuditLog;
    readonly onProgress?: (done: number, of: number) => void;
    readonly signal?: AbortSignal;
    readonly before?: number;
  } = {},
) {
  const before = options.before ?? rig.clock.now();
  const authority =
    options.authority ?? (await approved('retention.pruning-approved', { class: of, before: toInstant(before) }));
  const { holds = [], asOf = await governedUpTo(), on = log, onProgress, signal } = options;
  return on.custody.prune({ class: of, before, holds, asOf, authority, by }, onProgress, signal);
}
const isThere = async (id: RecordId): Promise<boolean> => (await log.find(id)) !== undefined;

describe('pruning', () => {
  it('removes the old bodies of a class, and keeps every position, hash and proof', async () => {
    const ids: RecordId[] = [];
    for (let n = 0; n < 5; n++) {
      ids.push(await write());
      ids.push(await write({ type: 'transaction.opened', transaction: newTransaction(), outcome: 'done' }));
    }
    const first = await log.find(ids[0] ?? newRecordId());
    const early = await log.checkpoint();
    const size = BigInt(early.split('\n')[1] ?? '');
    const proof = await log.proveInclusion(first?.index ?? -1n, size);
    passYears(6);
    const young = await write();
    passYears(1);
    const report = await prune('access', { before: rig.clock.now() - 2 * yearMs });
    expect(report).toMatchObject({ class: 'access', pruned: 5, held: 0, needed: 0 });
    for (const [n, id] of ids.entries()) expect([n, await isThere(id)]).toEqual([n, n % 2 === 1]);
    expect(await isThere(young)).toBe(true);
    expect(await log.proveInclusion(first?.index ?? -1n, size)).toEqual(proof);
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('records what it will remove before removing it, with the root over its hashes and the approval', async () => {
    const [one, two] = [await write(), await write()];
    const kept = await write({ type: 'transaction.opened', transaction: newTransaction(), outcome: 'done' });
    const three = await write();
    const places = await Promise.all([one, two, three].map(async (id) => Number((await log.find(id))?.index)));
    passYears(9);
    const { records } = await prune('access');
    const [said] = await log.search({ type: 'log.pruned' });
    expect(records).toEqual([said?.record.id]);
    const [a = 0, b = 0, c = 0] = places;
    expect(said?.record).toMatchObject({
      source: 'audit-log',
      subject: by,
      data: {
        class: 'access',
        ranges: [
          [a, b],
          [c, c],
        ],
        count: 3,
        complete: true,
        held: 0,
        needed: 0,
      },
    });
    expect(said?.record.references).toHaveLength(1);
    expect(await isThere(kept)).toBe(true);
  });

  it('works in slices, reports progress, and can be stopped between them', async () => {
    await Promise.all(Array.from({ length: 1_000 }, () => write()));
    passYears(9);
    const stop = new AbortController();
    const authority = await approved('retention.pruning-approved', {
      class: 'access',
      before: toInstant(rig.clock.now()),
    });
    const before = rig.clock.now();
    const stopped = prune('access', { authority, before, signal: stop.signal, onProgress: () => stop.abort() });
    await expect(stopped).rejects.toThrow();
    const partly = await log.custody.survey({}, []);
    const left = partly.find(({ class: name }) => name === 'access')?.records ?? 0;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(1_000);
    expect(await log.verify()).toMatchObject({ ok: true });
    const seen: (readonly [number, number])[] = [];
    const rest = await prune('access', { authority, before, onProgress: (...progress) => seen.push(progress) });
    expect(rest.pruned).toBe(left);
    expect(seen.at(-1)).toEqual([left, left]);
    const slices = await log.search({ type: 'log.pruned' });
    expect(slices.filter(({ record }) => (record.data as { complete: boolean }).complete)).toHaveLength(1);
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('keeps records under a hold', async () => {
    const transaction = newTransaction();
    const held = await write({ transaction });
    const ofPerson = await write({ subject: { id: 'person:tessa.trader' } });
    const gone = await write();
    passYears(9);
    const report = await prune('access', { holds: [{ transaction }, { person: 'person:tessa.trader' }] });
    expect(report).toMatchObject({ pruned: 1, held: 2, needed: 0 });
    expect([await isThere(held), await isThere(ofPerson), await isThere(gone)]).toEqual([true, true, false]);
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('keeps records on which remaining evidence depends, through any number of steps, and removes them once that is gone', async () => {
    const session = await write({ type: 'session.started', outcome: 'done' });
    const token = await write({ type: 'token.issued', outcome: 'done', references: [session] });
    const order = await write({
      type: 'transaction.opened',
      outcome: 'done',
      transaction: newTransaction(),
      references: [token],
    });
    const unused = await write({ type: 'session.started', outcome: 'done' });
    const alone = await write({ type: 'token.issued', outcome: 'done', references: [unused] });
    passYears(9);
    expect(await prune('access')).toMatchObject({ pruned: 2, needed: 2 });
    expect([await isThere(session), await isThere(token), await isThere(unused), await isThere(alone)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
    await prune('transaction');
    expect(await isThere(order)).toBe(false);
    expect(await prune('access')).toMatchObject({ pruned: 2, needed: 0 });
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('removes a mandate when it has ended and the last order under it is gone, and not before', async () => {
    const id = newMandate();
    const about = (type: RecordDraft['type']) =>
      write({ type, outcome: 'done', data: { mandate: { id, version: 1 } } });
    await about('mandate.proposed');
    await about('mandate.accepted');
    await write({
      type: 'transaction.opened',
      outcome: 'done',
      transaction: newTransaction(),
      mandate: { id, version: 1 },
    });
    passYears(9);
    expect(await prune('authority')).toMatchObject({ pruned: 0, needed: 2 });
    await prune('transaction');
    // In force: it can still be used for trading tomorrow.
    expect(await prune('authority')).toMatchObject({ pruned: 0, needed: 2 });
    await about('mandate.revoked');
    passYears(9);
    expect(await prune('authority')).toMatchObject({ pruned: 3, needed: 0 });
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('is refused as outdated if a hold or a schedule was recorded after its basis', async () => {
    const old = await write();
    passYears(9);
    const asOf = await governedUpTo();
    await write({ type: 'hold.placed', source: 'retention', outcome: 'done', data: {} });
    expect(await codeOf(prune('access', { asOf }))).toBe('custody_outdated');
    expect(await isThere(old)).toBe(true);
    expect(await log.search({ type: 'log.pruned' })).toEqual([]);
    expect(await prune('access')).toMatchObject({ pruned: 1 });
  });

  it('never removes a record kept by a hold placed before its removal record, whichever is faster', async () => {
    const transaction = newTransaction();
    await Promise.all(Array.from({ length: 900 }, (_, n) => write(n % 100 === 0 ? { transaction } : {})));
    passYears(9);
    const other = await rig.open();
    const placed: Promise<RecordId>[] = [];
    const attempt = prune('access', {
      onProgress: () => {
        if (placed.length > 0) return;
        const hold = draft({ type: 'hold.placed', source: 'retention', outcome: 'done', data: {} });
        placed.push(other.append(hold).then(({ id }) => id));
      },
    });
    // Stopped, or finished before: nothing was removed after the hold.
    const outcome = await codeOf(attempt);
    expect(['custody_outdated', 'nothing was refused']).toContain(outcome);
    const [hold] = await Promise.all(placed);
    const at = (await log.find(hold ?? newRecordId()))?.index ?? -1n;
    const slices = await log.search({ type: 'log.pruned' });
    expect(slices.length).toBeGreaterThan(0);
    for (const { index } of slices) expect(index < at).toBe(true);
    const left = await log.query({ transaction });
    expect(await prune('access', { holds: [{ transaction }] })).toMatchObject({ held: left.length });
    expect(await log.query({ transaction })).toEqual(left);
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('detects a removal that no record lists, or that lists another record', async () => {
    const [one, two] = [await write(), await write()];
    const place = Number((await log.find(one))?.index);
    passYears(9);
    await prune('access', { holds: [{ types: ['token.issued'] }] });
    expect(await log.verify()).toMatchObject({ ok: true });
    await rig.tamper('update entries set leaf_hash = sha256(leaf_hash) where index = $1', [place]);
    expect(await log.verify()).toMatchObject({ ok: false });
    await rig.tamper(
      "delete from bodies where class = 'custody' and index = (select max(index) from entries where type = 'log.pruned')",
    );
    expect(await log.verify()).toMatchObject({ ok: false });
    expect(await isThere(two)).toBe(false);
  });

  it('detects a missing body that no record lists', async () => {
    const id = await write();
    await rig.tamper('delete from bodies where index = $1', [(await log.find(id))?.index]);
    expect(await log.verify()).toMatchObject({ ok: false, reason: 'body_missing' });
  });

  it('removes nothing without an approval, nor with one for another class or a later time', async () => {
    const old = await write();
    passYears(9);
    const before = rig.clock.now();
    const attempts = [
      newRecordId(),
      await write({ type: 'retention.proposed', source: 'retention', outcome: 'done', data: { class: 'access' } }),
      await approved('retention.pruning-approved', { class: 'transaction', before: toInstant(before) }),
      await approved('retention.pruning-approved', { class: 'access', before: toInstant(before - 1) }),
    ];
    for (const authority of attempts)
      expect(await codeOf(prune('access', { authority, before }))).toBe('custody_unauthorized');
    expect(await isThere(old)).toBe(true);
    expect(await codeOf(prune('custody'))).toBe('custody_unauthorized');
  });

  it('is atomic if its connection breaks at any moment, and continues afterwards', async () => {
    await Promise.all(Array.from({ length: 1_500 }, () => write({ address: '203.0.113.7' })));
    passYears(9);
    const before = rig.clock.now();
    const authority = await approved('retention.pruning-approved', { class: 'access', before: toInstant(before) });
    let kills = 0;
    let finished = false;
    for (let attempt = 0; !finished && attempt < 200; attempt++) {
      const going = prune('access', { authority, before }).then(
        () => true,
        () => false,
      );
      // Interrupts at a later moment each time, so that every step is covered.
      for (let wait = 0; wait < attempt % 40; wait++) await new Promise(setImmediate);
      if (kills < 40) {
        const hit = await rig.tamper(
          "select pg_terminate_backend(pid) from pg_stat_activity where application_name in ('audit-log', 'evidence-eraser') and datname = current_database()",
        );
        kills += hit.rowCount ?? 0;
      }
      finished = await going;
      expect(await log.verify()).toMatchObject({ ok: true });
    }
    expect({ finished, hit: kills > 0 }).toEqual({ finished: true, hit: true });
    const [access] = (await log.custody.survey({}, [])).filter(({ class: name }) => name === 'access');
    expect(access?.records).toBe(0);
    expect((await rig.tamper('select 1 from protected_values')).rowCount).toBe(0);
  });

  it('leaves no gap: a refused number is void, and the streams are complete', async () => {
    await write();
    passYears(9);
    const asOf = await governedUpTo();
    await write({ type: 'hold.placed', source: 'retention', outcome: 'done', data: {} });
    expect(await codeOf(prune('access', { asOf }))).toBe('custody_outdated');
    await write();
    await log.stop();
    await rig.open().then((again) => again.watchStreams());
    const alarms = await (await rig.open()).search({ type: 'source.alarm' });
    const kinds = alarms.map(({ record }) => (record.data as { kind: string }).kind);
    // The test's clock runs ahead of the database's; no number is missing.
    expect(kinds.filter((kind) => kind !== 'ahead')).toEqual([]);
  });

  it('removes with a body the values beside it and its index terms', async () => {
    const subject = { id: 'person:tessa.trader' };
    await write({ subject, address: '203.0.113.7' });
    await log.query({ person: subject.id });
    expect((await rig.tamper('select 1 from protected_values')).rowCount).toBe(1);
    passYears(9);
    await prune('access');
    expect((await rig.tamper('select 1 from protected_values')).rowCount).toBe(0);
    expect((await rig.tamper('select 1 from terms where first = 3')).rowCount).toBe(0);
    expect(await log.query({ person: subject.id })).toEqual([]);
  });

  it('is not possible for the role of the log alone', async () => {
    await write();
    const pool = rig.pool();
    for (const statement of [
      'delete from bodies',
      'delete from bodies_access',
      "update bodies set body = 'x'",
      'truncate bodies_access',
      'delete from protected_values',
      'update subject_keys set sealed_key = null, erased_at = now()',
      "select set_config('countersign.authority', 'me', false); delete from bodies",
    ])
      await expect(pool.query(statement), statement).rejects.toThrow(/permission denied/);
    for (const statement of [
      "select prune_bodies(0, '{}', '{}')",
      'select erase_keys(0)',
      "select forget_terms('{}', '{}')",
    ])
      await expect(pool.query(statement), statement).rejects.toThrow(/does not exist/);
    for (const statement of [
      "select evidence_eraser.prune_bodies(0, '{}', '{}')",
      'select evidence_eraser.erase_keys(0)',
      'insert into evidence_eraser.done values (0)',
    ])
      await expect(pool.query(statement), statement).rejects.toThrow(/permission denied for schema/);
  });

  it('never removes the records of custody itself, for any role', async () => {
    await approved('retention.pruning-approved', { class: 'custody', before: toInstant(rig.clock.now()) });
    const owner = rig.scratch.connection;
    const { default: pg } = await import('pg');
    const client = new pg.Client(owner);
    await client.connect();
    try {
      await client.query("set search_path = audit_log; select set_config('countersign.authority', 'me', false)");
      await expect(client.query('delete from bodies where class = $1', ['custody'])).rejects.toThrow(/is kept/);
      await expect(client.query('truncate bodies_custody')).rejects.toThrow(/append-only/);
    } finally {
      await client.end();
    }
  });
});

describe('a survey', () => {
  it('counts for each class the bodies present, those due, and those under a hold', async () => {
    const transaction = newTransaction();
    await write({ transaction });
    await write();
    passYears(3);
    await write({ transaction });
    passYears(3);
    const before = { access: rig.clock.now() - 4 * yearMs };
    const [access] = (
      await log.custody.survey(before, [{ transaction }, { types: ['access.refused'], until: 0 }])
    ).filter(({ class: name }) => name === 'access');
    expect(access).toMatchObject({ records: 3, due: 2, held: 1 });
    expect(access?.bytes).toBeGreaterThan(300);
    expect(access?.oldest).toBe('2026-11-21T09:30:00.000Z');
    const all = await log.custody.survey(before, [{}]);
    expect(all.find(({ class: name }) => name === 'access')).toMatchObject({ due: 2, held: 2 });
    expect(all.map(({ class: name }) => name)).toEqual(['transaction', 'authority', 'access', 'custody', 'operation']);
    expect(all.find(({ class: name }) => name === 'custody')).toMatchObject({ due: 0, held: 0 });
  });
});

describe('erasure', () => {
  const subject = 'person:tessa.trader';
  const values = (): NonNullable<RecordDraft['protectedValues']> => [
    { path: '/data/mail', kind: 'personal', subject, value: 'tessa@example.com' },
  ];
  async function erase(
    keys: readonly string[],
    options: { readonly asOf?: bigint; readonly authority?: RecordId } = {},
  ) {
    const authority = options.authority ?? (await approved('erasure.approved', { keys: [...keys] }));
    return log.custody.erase({ keys, authority, by, asOf: options.asOf ?? (await governedUpTo()) });
  }

  it('destroys keys and values, and leaves record, proof and verification unchanged', async () => {
    const id = await write({ type: 'session.started', outcome: 'done', data: { ok: true }, protectedValues: values() });
    const other = await write({
      subject: { id: 'person:somebody.else' },
      address: '203.0.113.9',
      type: 'session.started',
      outcome: 'done',
    });
    expect((await log.find(id))?.record.data).toEqual({ ok: true, mail: 'tessa@example.com' });
    const [key] = await log.custody.keysOf(subject);
    expect(key).toMatchObject({
      subject,
      region: 'eu',
      class: retentionClassOf('session.started'),
      year: 2026,
      values: 1,
    });
    expect(key?.newest).toBe('2026-11-21T09:30:00.000Z');
    passYears(9);
    expect(await erase([key?.key ?? ''])).toBe(1);
    expect((await log.find(id))?.record.data).toEqual({ ok: true });
    expect((await log.find(other))?.record.address).toBe('203.0.113.9');
    expect(await log.custody.keysOf(subject)).toMatchObject([{ values: 0, erasedAt: toInstant(rig.clock.now()) }]);
    expect((await rig.tamper('select 1 from subject_keys where sealed_key is null')).rowCount).toBe(1);
    const [said] = await log.search({ type: 'erasure.completed' });
    expect(said?.record).toMatchObject({ subject: by, data: { keys: [key?.key], values: 1 } });
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('is refused if a hold was recorded after its basis, and without an approval for these keys', async () => {
    await write({ type: 'session.started', outcome: 'done', data: {}, protectedValues: values() });
    const [key] = await log.custody.keysOf(subject);
    const keys = [key?.key ?? ''];
    const asOf = await governedUpTo();
    await write({ type: 'hold.placed', source: 'retention', outcome: 'done', data: {} });
    expect(await codeOf(erase(keys, { asOf }))).toBe('custody_outdated');
    for (const authority of [
      newRecordId(),
      await approved('erasure.approved', { keys: ['another'] }),
      await approved('retention.pruning-approved', { keys }),
    ])
      expect(await codeOf(erase(keys, { authority }))).toBe('custody_unauthorized');
    expect(await log.search({ type: 'erasure.completed' })).toEqual([]);
    expect(await log.custody.keysOf(subject)).toMatchObject([{ values: 1 }]);
  });

  it('finds the holds on records under its keys', async () => {
    const transaction = newTransaction();
    await write({ type: 'session.started', outcome: 'done', transaction, data: {}, protectedValues: values() });
    const [key] = await log.custody.keysOf(subject);
    const holds: readonly HoldScope[] = [
      { transaction: newTransaction() },
      { transaction },
      { types: ['token.issued'] },
      {},
    ];
    expect(await log.custody.heldKeys([key?.key ?? ''], holds)).toEqual([holds[1], holds[3]]);
    expect(await log.custody.heldKeys(['another'], holds)).toEqual([]);
  });

  it('finds a hold on an order that keeps the records the order depends on', async () => {
    const signedIn = await write({ type: 'session.started', outcome: 'done', data: {}, protectedValues: values() });
    const token = await write({ type: 'token.issued', outcome: 'done', references: [signedIn] });
    const order = newTransaction();
    await write({ type: 'transaction.opened', outcome: 'done', transaction: order, references: [token] });
    const another = newTransaction();
    await write({ type: 'transaction.opened', outcome: 'done', transaction: another });
    const [key] = await log.custody.keysOf(subject);
    const holds: readonly HoldScope[] = [{ transaction: another }, { transaction: order }];
    expect(await log.custody.heldKeys([key?.key ?? ''], holds)).toEqual([holds[1]]);
  });
});
