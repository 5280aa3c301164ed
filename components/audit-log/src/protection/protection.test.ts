import type { EvidenceRecord, ProtectedValue, RecordDraft } from '@countersign/contracts';
import { canonicalize, sha256, sha256Base64Url } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from '../index.ts';
import { createRig, draft, drafts, newTransaction, type Rig, sealingOf } from '../testing/rig.ts';
import { decipher, encipher, placeOf } from './value-cipher.ts';

const bank = '5299000J2N45DDNE4Y28';
const intent = { type: 'order', price: '101.4375', quantity: '2500000', counterparties: ['549300ABC'] };

let rig: Rig;
let log: RunningAuditLog;
beforeEach(async () => {
  rig = await createRig();
  log = await rig.open();
});
afterEach(() => rig.close());

function order(members: Partial<RecordDraft> = {}): RecordDraft {
  return draft({
    type: 'transaction.opened',
    outcome: 'done',
    transaction: newTransaction(),
    subject: { id: 'person:anna', institution: bank },
    address: '203.0.113.7',
    data: { intent_type: 'order' },
    protectedValues: [{ path: '/data/intent', kind: 'strategy', subject: bank, value: intent }],
    ...members,
  });
}

/** The intended record, with the members that the log adds. */
function meant({ protectedValues: _, ...open }: RecordDraft, data: unknown) {
  return expect.objectContaining({ ...open, data, v: 2 });
}

async function found(id: RecordDraft['id'], by: RunningAuditLog = log): Promise<EvidenceRecord> {
  const entry = await by.find(id);
  if (entry === undefined) throw new Error('the record is not there');
  return entry.record;
}

/** The database content of the log without encrypted values. */
async function everythingInTheOpen(): Promise<string> {
  const { rows } = await rig.tamper(
    `select convert_from(body, 'UTF8') as text from bodies
      union all select id || subject || region || class || year from subject_keys
      union all select key || record_id || path from protected_values`,
  );
  return rows.map(({ text }: { text: string }) => text).join('\n');
}

describe('a protected value', () => {
  it('is in no leaf and no column, and is put back for a reader of the record', async () => {
    const written = order();
    await log.append(written);
    const open = await everythingInTheOpen();
    for (const secret of ['101.4375', '2500000', '549300ABC', '203.0.113.7']) expect(open).not.toContain(secret);
    const whole = meant(written, { intent_type: 'order', intent });
    expect(await found(written.id)).toEqual(whole);
    expect((await log.search({ type: 'transaction.opened' })).map(({ record }) => record)).toEqual([whole]);
    expect((await log.query({ person: 'person:anna' })).map(({ record }) => record)).toEqual([whole]);
    expect(Object.keys((await found(written.id)).protected ?? {})).toEqual(['/address', '/data/intent']);
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('is not returned to a reader of raw records', async () => {
    const written = order();
    await log.append(written);
    const [found] = await log.search({ type: 'transaction.opened', withheld: true });
    const [scanned] = await log.scan({ types: ['transaction.opened'], limit: 1 });
    const [leaf] = await log.queryLeaves({ person: 'person:anna' });
    for (const record of [found?.record, JSON.parse(scanned?.text ?? ''), leaf?.record]) {
      expect(record).toMatchObject({ id: written.id, data: { intent_type: 'order' }, protected: { '/address': {} } });
      expect(JSON.stringify(record)).not.toMatch(/101\.4375|203\.0\.113\.7/);
    }
  });

  it('is committed to by salt and canonical text, which open the commitment', async () => {
    const written = order();
    await log.append(written);
    const record = await found(written.id);
    const [values] = await log.protectedValues([record]);
    expect(values?.map(({ path, state, subject }) => [path, state, subject])).toEqual([
      ['/address', 'open', 'person:anna'],
      ['/data/intent', 'open', bank],
    ]);
    for (const value of values ?? []) {
      if (value.state !== 'open') throw new Error(value.state);
      expect(value.salt).toHaveLength(32);
      expect(sha256Base64Url(Buffer.concat([value.salt, Buffer.from(value.text)]))).toBe(value.commitment.commitment);
    }
    expect(values?.[1]).toMatchObject({ text: canonicalize(intent) });
  });

  it('is encrypted differently each time, so that equal orders are not recognisable', async () => {
    const [one, two] = [order(), order()];
    await Promise.all([log.append(one), log.append(two)]);
    const [first, second] = [await found(one.id), await found(two.id)];
    const of = ({ protected: commitments }: EvidenceRecord) => commitments?.['/data/intent'];
    expect(of(first)?.key).toBe(of(second)?.key);
    expect(of(first)?.commitment).not.toBe(of(second)?.commitment);
    expect(of(first)?.ciphertext).not.toBe(of(second)?.ciphertext);
  });

  it('is accepted as serialised text', async () => {
    const text = canonicalize({ action: 'order:create', context: { price: '7.25' } });
    const written: RecordDraft = {
      ...order({ type: 'decision.made' }),
      data: { decision: { decision: true }, evaluation: { action: 'order:create' } },
      protectedValues: [{ path: '/data/decision/input', kind: 'strategy', subject: bank, text }],
    };
    await log.append(written);
    expect((await found(written.id)).data).toEqual({
      decision: { decision: true, input: JSON.parse(text) },
      evaluation: { action: 'order:create' },
    });
  });

  it('defaults to the address of the person involved, as far as known', async () => {
    const { subject: _, ...nobody } = order({ protectedValues: [], address: '192.0.2.1' });
    const written: readonly RecordDraft[] = [
      order({ protectedValues: [] }),
      { ...nobody, id: order().id, client: 'algo' },
      nobody,
    ];
    for (const one of written) await log.append(one);
    const values = await log.protectedValues(await Promise.all(written.map(({ id }) => found(id))));
    expect(values.map(([address]) => address?.subject)).toEqual(['person:anna', 'client:algo', 'address:unknown']);
  });
});

describe('a repeated draft', () => {
  it('gets the first receipt, and is another record with a different protected value', async () => {
    const written = order();
    const [first, twin] = await Promise.all([log.append(written), log.append({ ...written })]);
    expect(twin).toEqual(first);
    const again = await rig.open();
    expect(await again.append(written)).toEqual(first);
    const cheaper: RecordDraft = {
      ...written,
      protectedValues: [{ path: '/data/intent', kind: 'strategy', subject: bank, value: { ...intent, price: '1' } }],
    };
    await expect(again.append(cheaper)).rejects.toMatchObject({ code: 'record_identity_taken' });
    await expect(again.append({ ...written, address: '192.0.2.9' })).rejects.toMatchObject({
      code: 'record_identity_taken',
    });
    const other = order();
    const outcomes = await Promise.allSettled([log.append(other), log.append({ ...other, address: '192.0.2.9' })]);
    expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected']);
  });
});

describe('keys', () => {
  it('are one per subject, class and year, whichever node needs them first', async () => {
    const nodes = await Promise.all([rig.open(), rig.open(), rig.open()]);
    await Promise.all(
      nodes.flatMap((node) =>
        Array.from({ length: 20 }, (_, number) =>
          node.append(order({ subject: { id: `person:${number % 5}`, institution: bank } })),
        ),
      ),
    );
    const { rows } = await rig.tamper('select subject, class, year from subject_keys order by subject');
    expect(rows).toEqual(
      [bank, 0, 1, 2, 3, 4].map((subject) => ({
        subject: subject === bank ? bank : `person:${String(subject)}`,
        class: 'transaction',
        year: 2026,
      })),
    );
    rig.clock.advance(41 * 24 * 3_600_000);
    await nodes[0]?.append(order());
    await nodes[0]?.append(order({ type: 'access.refused' }));
    const later = await rig.tamper(`select class, year from subject_keys where subject = $1 order by class, year`, [
      bank,
    ]);
    expect(later.rows).toEqual([
      { class: 'access', year: 2027 },
      { class: 'transaction', year: 2026 },
      { class: 'transaction', year: 2027 },
    ]);
  });

  it('of another region are not opened here, and their values read as withheld', async () => {
    const written = order();
    await log.append(written);
    const elsewhere = await rig.open({
      protection: rig.protection({
        regionOf: () => 'ch',
        sealing: (region) => (region === 'ch' ? sealingOf(region) : undefined),
      }),
    });
    const record = await found(written.id, elsewhere);
    expect(record.data).toEqual({ intent_type: 'order' });
    expect(record.address).toBeUndefined();
    const [values] = await elsewhere.protectedValues([record]);
    expect(values?.map(({ state }) => state)).toEqual(['other_region', 'other_region']);
  });

  it('do not open under another sealing key: nothing unverifiable is shown', async () => {
    const written = order();
    await log.append(written);
    const wrong = await rig.open({ protection: rig.protection({ sealing: () => sealingOf('another') }) });
    await expect(wrong.find(written.id)).rejects.toMatchObject({ code: 'log_unavailable' });
    await expect(wrong.append(order())).rejects.toMatchObject({ code: 'log_unavailable' });
  });

  it('that are unavailable prevent the record: nothing is written unencrypted instead', async () => {
    const keyless = await rig.open({ protection: rig.protection({ sealing: () => undefined }) });
    await expect(keyless.append(order())).rejects.toMatchObject({ code: 'log_unavailable' });
    expect(await log.search({ type: 'transaction.opened' })).toEqual([]);
    await expect(keyless.append(draft())).resolves.toBeDefined();
  });
});

/** As an erasure does it: destroys the sealed key and everything under it. */
async function destroyKeysOf(subject: string): Promise<void> {
  await rig.tamper('delete from protected_values where key in (select id from subject_keys where subject = $1)', [
    subject,
  ]);
  await rig.tamper('update subject_keys set sealed_key = null, erased_at = now() where subject = $1', [subject]);
}

describe('after its key is destroyed', () => {
  it('a value reads as erased, values of others stay, and every proof holds', async () => {
    const written = order();
    const receipt = await log.append(written);
    await log.append(draft());
    const size = receipt.index + 2n;
    const before = await log.proveInclusion(receipt.index, size);
    await destroyKeysOf('person:anna');
    rig.clock.advance(600_000);
    const reader = await rig.open();
    for (const node of [log, reader]) {
      const record = await found(written.id, node);
      expect(record.address).toBeUndefined();
      expect(record.data).toEqual({ intent_type: 'order', intent });
      const [values] = await node.protectedValues([record]);
      expect(values?.map(({ state }) => state)).toEqual(['erased', 'open']);
    }
    expect(await log.proveInclusion(receipt.index, size)).toEqual(before);
    // Later addresses are under a key of their own.
    const later = order();
    await reader.append(later);
    expect((await found(later.id, reader)).address).toBe('203.0.113.7');
  });

  it('a guess cannot be confirmed: the right value does not lead to the commitment without the salt', async () => {
    const written = order();
    await log.append(written);
    const { protected: commitments } = await found(written.id);
    const committed = commitments?.['/data/intent'];
    const [values] = await log.protectedValues([await found(written.id)]);
    const salt = values?.[1]?.state === 'open' ? values[1].salt : Buffer.alloc(0);
    await destroyKeysOf(bank);
    // Everything that is left, and the right value guessed.
    const { rows } = await rig.tamper('select * from protected_values where key = $1', [committed?.key]);
    expect(rows).toEqual([]);
    const left = await rig.tamper('select sealed_key from subject_keys where id = $1', [committed?.key]);
    expect(left.rows).toEqual([{ sealed_key: null }]);
    const right = canonicalize(intent);
    expect(sha256Base64Url(right)).not.toBe(committed?.commitment);
    expect(sha256Base64Url(Buffer.concat([Buffer.alloc(32), Buffer.from(right)]))).not.toBe(committed?.commitment);
    // With its salt the guess could be confirmed: the salt was destroyed.
    expect(sha256Base64Url(Buffer.concat([salt, Buffer.from(right)]))).toBe(committed?.commitment);
    expect(await everythingInTheOpen()).not.toContain(salt.toString('base64url'));
  });

  it('the same draft still gets its first receipt', async () => {
    const written = order();
    const first = await log.append(written);
    await destroyKeysOf(bank);
    rig.clock.advance(600_000);
    expect(await (await rig.open()).append(written)).toEqual(first);
  });
});

describe('a value that was tampered with', () => {
  it.each([
    ['a byte of what is kept', `set ciphertext = set_byte(ciphertext, 30, get_byte(ciphertext, 30) # 1)`],
    ['its nonce', `set ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1)`],
    [
      'its tag',
      `set ciphertext = set_byte(ciphertext, octet_length(ciphertext) - 1, get_byte(ciphertext, octet_length(ciphertext) - 1) # 1)`,
    ],
  ])('in %s is not put back and is reported as altered', async (_what, change) => {
    const written = order();
    await log.append(written);
    await rig.tamper(`update protected_values ${change} where path = '/data/intent'`);
    const record = await found(written.id);
    expect(record).toMatchObject({ address: '203.0.113.7', data: { intent_type: 'order' } });
    expect(record.data).not.toHaveProperty('intent');
    const [values] = await log.protectedValues([record]);
    expect(values?.map(({ state }) => state)).toEqual(['open', 'altered']);
  });

  it('counts as altered and not as erased if its row or its key’s row was dropped', async () => {
    const [one, two] = [order(), order({ subject: { id: 'person:bert', institution: bank } })];
    await log.append(one);
    await log.append(two);
    await rig.tamper(`delete from protected_values where record_id = $1 and path = '/data/intent'`, [one.id]);
    await rig.tamper(`delete from subject_keys where subject = 'person:bert'`);
    const fresh = await rig.open();
    const values = await fresh.protectedValues([await found(one.id, fresh), await found(two.id, fresh)]);
    expect(values.map((of) => of.map(({ state }) => state))).toEqual([
      ['open', 'altered'],
      ['altered', 'open'],
    ]);
  });

  it('moved from another record does not open, because it is bound to its position', async () => {
    const [cheap, dear] = [order(), order()];
    await log.append(cheap);
    await log.append(dear);
    await rig.tamper(
      `update protected_values set ciphertext = other.ciphertext from protected_values as other
        where protected_values.record_id = $1 and other.record_id = $2
          and protected_values.path = '/data/intent' and other.path = '/data/intent'`,
      [cheap.id, dear.id],
    );
    expect((await found(cheap.id)).data).toEqual({ intent_type: 'order' });
    const key = sha256('a key');
    const random = { bytes: (size: number) => sha256('salt').subarray(0, size) };
    const sealed = encipher(key, placeOf(cheap.id, '/data/a'), '"x"', random);
    expect(decipher(key, placeOf(cheap.id, '/data/a'), sealed, sealed.bytes)?.text).toBe('"x"');
    for (const place of [placeOf(cheap.id, '/data/b'), placeOf(dear.id, '/data/a')])
      expect(decipher(key, place, sealed, sealed.bytes)).toBeUndefined();
    expect(decipher(sha256('another'), placeOf(cheap.id, '/data/a'), sealed, sealed.bytes)).toBeUndefined();
    expect(decipher(key, placeOf(cheap.id, '/data/a'), sealed, sealed.bytes.subarray(0, 40))).toBeUndefined();
  });

  it('whose key was given to another subject makes the log report an inconsistency', async () => {
    const written = order();
    await log.append(written);
    await rig.tamper(`update subject_keys set subject = 'person:mallory' where subject = $1`, [bank]);
    const fresh = await rig.open();
    await expect(fresh.find(written.id)).rejects.toMatchObject({ code: 'log_unavailable' });
  });

  it('is prevented by the database as well, for the role of the log', async () => {
    await log.append(order());
    const pool = rig.pool();
    for (const table of ['subject_keys', 'protected_values'])
      await expect(pool.query(`delete from ${table}`), table).rejects.toThrow('permission denied');
  });
});

describe('a writer with an invalid declaration', () => {
  const value = { kind: 'strategy', subject: bank, value: 1 } as const;
  it.each([
    ['a path outside data', [{ ...value, path: '/type' }]],
    ['the address as a value', [{ ...value, path: '/address' }]],
    ['a path already in use', [{ ...value, path: '/data/intent_type' }]],
    ['a path into a value that is not an object', [{ ...value, path: '/data/intent_type/x' }]],
    [
      'a repeated path',
      [
        { ...value, path: '/data/x' },
        { ...value, path: '/data/x' },
      ],
    ],
    [
      'a path within another',
      [
        { ...value, path: '/data/x' },
        { ...value, path: '/data/x/y' },
      ],
    ],
    ['an empty subject', [{ ...value, subject: '', path: '/data/x' }]],
    ['neither value nor text', [{ kind: 'strategy', subject: bank, path: '/data/x' }]],
    ['both', [{ ...value, text: '1', path: '/data/x' }]],
    ['too many', Array.from({ length: 33 }, (_, at) => ({ ...value, path: `/data/x${at}` }))],
  ] as const)('is refused for %s', async (_what, protectedValues) => {
    // Some of the values are not of the type.
    const given = protectedValues as readonly ProtectedValue[];
    await expect(log.append(order({ protectedValues: given }))).rejects.toThrow();
    expect(await log.search({ type: 'transaction.opened' })).toEqual([]);
  });

  it('is refused with its own code for too many values or text without a canonical form', async () => {
    for (const [given, code] of [
      [{ value: 'x'.repeat(65_536) }, 'record_too_large'],
      [{ value: '\ud800' }, 'not_canonicalizable'],
      [{ text: '"\ud800"' }, 'not_canonicalizable'],
    ] as const)
      await expect(
        log.append(order({ protectedValues: [{ kind: 'strategy', subject: bank, path: '/data/x', ...given }] })),
      ).rejects.toMatchObject({ code });
    const most = order({
      address: '::1',
      protectedValues: [{ kind: 'strategy', subject: bank, path: '/data/x', value: 'x'.repeat(65_500) }],
    });
    await log.append(most);
    expect((await found(most.id)).data).toHaveProperty('x', 'x'.repeat(65_500));
  });
});

describe('many protected values at once', () => {
  it('are stored and read back, each in its place', async () => {
    const written = drafts(600).map((one, number) =>
      order({
        id: one.id,
        protectedValues: [{ path: '/data/intent', kind: 'strategy', subject: bank, value: { number } }],
      }),
    );
    await Promise.all(written.map((one) => log.append(one)));
    const entries = await log.search({ type: 'transaction.opened' });
    const numbers = new Map(entries.map(({ record }) => [record.id, record.data]));
    for (const [number, { id }] of written.entries())
      expect(numbers.get(id)).toEqual({ intent_type: 'order', intent: { number } });
  });
});

describe('keys that are lent', () => {
  const fiveMinutes = 300_000;

  it('are not lent beyond their cache time, even if the cache is cleared during the lookup', async () => {
    const protection = rig.protection();
    for (const subject of [bank, 'another'])
      await log.append(
        draft({
          type: 'transaction.opened',
          outcome: 'done',
          transaction: newTransaction(),
          data: {},
          protectedValues: [{ path: '/data/intent', kind: 'strategy', subject, value: 1 }],
        }),
      );
    const { rows } = await rig.tamper('select id from subject_keys order by subject = $1 desc', [bank]);
    const [known, other] = (rows as readonly { readonly id: string }[]).map(({ id }) => id);
    if (known === undefined || other === undefined) throw new Error('there are no keys');
    expect((await protection.lend(new Set([known]))).forMs).toBe(fiveMinutes);
    rig.clock.advance(fiveMinutes - 1_000);
    const lending = protection.lend(new Set([known, other]));
    rig.clock.advance(2_000);
    const later = protection.lend(new Set([other]));
    // The key has aged since it was requested.
    expect(await lending).toMatchObject({
      keys: new Map([
        [known, expect.anything()],
        [other, expect.anything()],
      ]),
      forMs: 0,
    });
    expect((await later).forMs).toBe(fiveMinutes);
  });

  it('are never lent for longer because a clock was set back', async () => {
    const protection = rig.protection();
    await log.append(order());
    const { rows } = await rig.tamper('select id from subject_keys');
    const lending = protection.lend(new Set((rows as readonly { readonly id: string }[]).map(({ id }) => id)));
    rig.clock.advance(-60_000);
    expect((await lending).forMs).toBe(fiveMinutes);
  });
});
