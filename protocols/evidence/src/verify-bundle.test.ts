import { generateKeyPairSync } from 'node:crypto';
import { digestOf, type Json, newId, type RecordId } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BundleTrust, type BundleVerification, type EvidenceBundle, reasonCodes, verifyBundle } from './index.ts';
import { constraints, type Plot, tellOrder } from './testing/order-story.ts';
import type { Draft } from './testing/paper-log.ts';

/** Reason code and record name of each failed step, sorted. */
function faults(verification: BundleVerification, ids: Readonly<Record<string, RecordId>>): readonly string[] {
  const nameOf = (id: string | undefined): string =>
    Object.entries(ids).find(([, value]) => value === id)?.[0] ?? id ?? '-';
  return verification.steps
    .filter((step) => !step.ok)
    .map((step) => `${step.code} ${nameOf(step.record)}`)
    .toSorted();
}

async function verifyStory(plot: Plot = {}): Promise<{ verification: BundleVerification; faults: readonly string[] }> {
  const story = tellOrder(plot);
  const verification = verifyBundle(await story.bundle(), { trust: { logVerifierKey: story.log.verifierKey } });
  return { verification, faults: faults(verification, story.ids) };
}

/** Rewrites the data of one record. */
function withData(
  target: string,
  change: (data: Readonly<Record<string, Json>>) => Readonly<Record<string, Json>>,
): Plot {
  return {
    rewrite: (name, draft) =>
      name === target ? { ...draft, data: change(draft.data as Readonly<Record<string, Json>>) } : draft,
  };
}

function withMembers(target: string, members: Readonly<Record<string, Json>>): Plot {
  return { rewrite: (name, draft) => (name === target ? { ...draft, ...members } : draft) };
}

function without(target: string): Plot {
  return { rewrite: (name, draft) => (name === target ? undefined : draft) };
}

describe('a bundle as the log made it', () => {
  it('verifies with the reader’s log key, and every step states what was checked', async () => {
    const story = tellOrder();
    const heard: string[] = [];
    const verification = verifyBundle(await story.bundle(), {
      trust: { logVerifierKey: story.log.verifierKey },
      onStep: (step) => heard.push(step.step),
    });
    expect(verification.steps.filter((step) => !step.ok)).toEqual([]);
    expect(verification).toMatchObject({ verdict: 'verified', ok: true, anchored: true, complete: true });
    expect(heard).toEqual([
      'bundle',
      'log-key',
      'checkpoint',
      'witnesses',
      'records-readable',
      'inclusion',
      'manifest',
      'pruned',
      'disclosures',
      'references',
      'log-growth',
      'times',
      'time-stamps',
      'intent',
      'approvals',
      'mandates',
      'tokens',
      'policies',
      'decisions',
      'transitions',
      'bodies',
      'terms',
      'envelopes',
      'certificates',
    ]);
    expect(verification.steps.find((step) => step.step === 'transitions')?.detail).toBe(
      '4 transitions, ending settled.',
    );
  });

  it('survives being written and read as JSON', async () => {
    const story = tellOrder();
    const text = JSON.stringify(await story.bundle());
    expect(verifyBundle(JSON.parse(text), { trust: { logVerifierKey: story.log.verifierKey } }).ok).toBe(true);
  });

  it('verifies without a reader’s key, with a warning that it is self-certified', async () => {
    const verification = verifyBundle(await tellOrder().bundle());
    expect(verification).toMatchObject({ verdict: 'unanchored', ok: true, anchored: false });
    expect(verification.steps.find((step) => step.step === 'log-key')).toMatchObject({
      ok: true,
      code: 'log_key_unanchored',
    });
  });

  it('verifies when the transaction was cancelled before it was executed', async () => {
    const plot: Plot = {
      rewrite(name, draft) {
        if (name === 'cleared' || name === 'settled') return undefined;
        return name === 'executed'
          ? {
              ...draft,
              scope: ['order:cancel'],
              data: {
                event: 'cancel',
                from: 'submitted',
                to: 'cancelled',
                version: 2,
                body: {},
                body_digest: digestOf({}),
              },
            }
          : draft;
      },
    };
    expect((await verifyStory(plot)).faults).toEqual([]);
  });
});

describe('the log', () => {
  it('refuses a log key other than the one the reader trusts', async () => {
    const story = tellOrder();
    const bundle = await story.bundle();
    const foreign = 'example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx';
    const codes = faults(verifyBundle(bundle, { trust: { logVerifierKey: foreign } }), story.ids);
    expect(codes).toEqual(['checkpoint_signature -', 'log_key_mismatch -', 'record_altered -']);
    expect(faults(verifyBundle(bundle, { trust: { logVerifierKey: 'not a key' } }), story.ids)).toContain(
      'log_key_mismatch -',
    );
  });

  it('refuses a checkpoint of another log that has the same pair of keys', async () => {
    const story = tellOrder();
    const bundle = await story.bundle();
    const origin = 'log.example/another';
    const other = {
      ...bundle,
      log: { ...bundle.log, origin },
      checkpoint: await story.log.checkpoint(undefined, origin),
    };
    const codes = faults(verifyBundle(other, { trust: { logVerifierKey: story.log.verifierKey } }), story.ids);
    expect(codes).toContain('checkpoint_signature -');
  });

  it('refuses a checkpoint whose root was replaced', async () => {
    const story = tellOrder();
    const bundle = await story.bundle();
    const root = Buffer.alloc(32, 7).toString('base64');
    const forged = { ...bundle, checkpoint: bundle.checkpoint.replace(/\n[^\n]{44}\n/, `\n${root}\n`) };
    expect(forged.checkpoint).not.toBe(bundle.checkpoint);
    expect(faults(verifyBundle(forged), story.ids)).toEqual(['checkpoint_signature -', 'record_altered -']);
  });

  it('names the one record whose bytes were changed', async () => {
    const story = tellOrder();
    const bundle = await story.bundle();
    const records = bundle.records.map((record) => {
      const text = Buffer.from(record.leaf ?? '', 'base64url').toString();
      return JSON.parse(text).id === story.ids.policy
        ? { ...record, leaf: Buffer.from(text.replace('{"v":1', '{ "v":1')).toString('base64url') }
        : record;
    });
    expect(faults(verifyBundle({ ...bundle, records }), story.ids)).toEqual([
      'record_altered policy',
      'record_altered policy',
    ]);
  });

  it('names an omitted record', async () => {
    const story = tellOrder();
    const bundle = await story.bundle();
    for (const [position, dropped] of Object.entries(bundle.records).slice(0, -1)) {
      const records = bundle.records.filter((record) => record !== dropped);
      const id = /"id":"(rec_\w+)"/.exec(Buffer.from(dropped.leaf ?? '', 'base64url').toString())?.[1];
      const verification = verifyBundle({ ...bundle, records });
      expect(
        verification.steps.filter((step) => step.code === 'record_missing'),
        position,
      ).toMatchObject([{ record: id }]);
    }
  });

  it('refuses a bundle without its manifest record, or with the manifest of another transaction', async () => {
    const story = tellOrder();
    const bundle = await story.bundle();
    expect(faults(verifyBundle({ ...bundle, records: bundle.records.slice(0, -1) }), story.ids)).toContain(
      `record_missing ${story.manifest}`,
    );
    expect(faults(verifyBundle({ ...bundle, manifest: [story.ids.opened] }), story.ids)).toContain(
      'record_missing opened',
    );
    const other = tellOrder();
    const foreign = { ...bundle, transaction: other.transaction };
    expect(faults(verifyBundle(foreign), story.ids)).toContain(`record_missing ${story.manifest}`);
  });

  it('reports a record of the log that the manifest does not list', async () => {
    const story = tellOrder();
    const stray = newId('record', { clock: { now: () => 1 }, random: { bytes: (size) => Buffer.alloc(size, 1) } });
    story.log.add({ id: stray, type: 'access.refused', outcome: 'deny' });
    const all = await story.bundle();
    expect(verifyBundle(all).ok).toBe(true);
    const without = tellOrder();
    without.log.add({ id: stray, type: 'access.refused', outcome: 'deny' });
    const last = without.log.leaves.length - 1;
    const bundle = await without.log.bundle(without.transaction, without.manifest, {
      indices: Array.from({ length: last }, (_, index) => index),
    });
    const strayLeaf = {
      ...bundle.records[0],
      index: String(last),
      leaf: (without.log.leaves[last] ?? Buffer.alloc(0)).toString('base64url'),
    };
    const records = [...bundle.records.slice(0, -1), strayLeaf, ...bundle.records.slice(-1)];
    expect(faults(verifyBundle({ ...bundle, records }), without.ids)).toContain(`record_unlisted ${stray}`);
  });

  it('detects by the manifest of an earlier export what a later one omits', async () => {
    const story = tellOrder();
    await story.bundle();
    const later = newId('record', { clock: { now: () => 2 }, random: { bytes: (size) => Buffer.alloc(size, 2) } });
    const all = story.log.leaves.map((_, index) => index);
    const dropped = story.log.leaves.findIndex((leaf) => leaf.includes(`"id":"${story.ids.policy}"`));
    const bundle = await story.log.bundle(story.transaction, later, {
      indices: all.filter((index) => index !== dropped),
    });
    expect(faults(verifyBundle(bundle), story.ids)).toEqual(
      expect.arrayContaining(['policy_mismatch decided', 'record_missing policy', 'reference_missing decided']),
    );
  });

  it('refuses two records under one id', async () => {
    const plot: Plot = {
      before: (name, log, ids) =>
        void (name === 'settled' && log.add({ id: ids.policy as RecordId, type: 'access.refused', outcome: 'deny' })),
    };
    expect((await verifyStory(plot)).faults).toEqual(
      expect.arrayContaining(['record_malformed policy', 'record_altered policy']),
    );
  });

  it('names a reference to a missing or later record', async () => {
    const nowhere = newId('record', { clock: { now: () => 3 }, random: { bytes: (size) => Buffer.alloc(size, 3) } });
    expect((await verifyStory(withMembers('opened', { references: [nowhere] }))).faults).toEqual([
      'reference_missing opened',
    ]);
    const plot: Plot = { rewrite: (name, draft) => (name === 'opened' ? { ...draft, references: [draft.id] } : draft) };
    expect((await verifyStory(plot)).faults).toEqual(['reference_missing opened']);
  });
});

describe('a checkpoint that the reader kept', () => {
  async function withHistory(change: (leaf: Buffer, index: number) => Buffer, bring: boolean) {
    const story = tellOrder();
    const size = 5;
    const kept = await story.log.checkpoint(size);
    const log = story.log.fork(change);
    const bundle = await log.bundle(story.transaction, story.manifest, bring ? { since: { note: kept, size } } : {});
    const trust: BundleTrust = { logVerifierKey: log.verifierKey, checkpoint: kept };
    return { story, bundle, trust };
  }
  const unchanged = (leaf: Buffer): Buffer => leaf;
  const renamed = (leaf: Buffer, index: number): Buffer =>
    index === 1 ? Buffer.from(leaf.toString().replace('{"v":1', '{ "v":1')) : leaf;

  it('is extended by an honest log', async () => {
    const { bundle, trust } = await withHistory(unchanged, true);
    expect(verifyBundle(bundle, { trust }).ok).toBe(true);
  });

  it('exposes a rewritten log that still holds its key', async () => {
    const { story, bundle, trust } = await withHistory(renamed, true);
    expect(faults(verifyBundle(bundle, { trust }), story.ids)).toContain('log_rewritten -');
    expect(faults(verifyBundle(bundle), story.ids)).toEqual(['log_rewritten -']);
  });

  it('exposes a rewritten log of the remembered length', async () => {
    const story = tellOrder();
    const kept = await story.log.fork(renamed).checkpoint();
    const bundle = await story.log.bundle(story.transaction, story.manifest);
    const shorter = { ...bundle, checkpoint: await story.log.checkpoint(story.log.leaves.length - 1) };
    expect(faults(verifyBundle(shorter, { trust: { checkpoint: kept } }), story.ids)).toContain('log_rewritten -');
  });

  it('requires a proof if the bundle has none', async () => {
    const { story, bundle, trust } = await withHistory(unchanged, false);
    expect(faults(verifyBundle(bundle, { trust }), story.ids)).toEqual(['log_growth_unproven -']);
  });

  it('is refused if another key signed it', async () => {
    const { story, bundle } = await withHistory(unchanged, true);
    expect(faults(verifyBundle(bundle, { trust: { checkpoint: 'made up' } }), story.ids)).toEqual([
      'log_key_mismatch -',
    ]);
  });
});

describe('the intent', () => {
  it('is recomputed, not trusted', async () => {
    const { faults: found } = await verifyStory(
      withData('opened', (data) => ({ ...data, intent: { type: 'order', quantity: '2000' } })),
    );
    expect(found).toEqual(
      expect.arrayContaining([
        'intent_digest_mismatch opened',
        'intent_digest_mismatch settled',
        'approval_terms approved',
      ]),
    );
  });

  it('is the same in every record and in every token', async () => {
    const digest = digestOf('another');
    expect((await verifyStory(withMembers('cleared', { intent: digest }))).faults).toEqual([
      'intent_digest_mismatch cleared',
    ]);
    expect(
      (
        await verifyStory(
          withData('issued', (data) => ({
            ...data,
            claims: { ...(data.claims as object), intent_digest: digest } as Json,
          })),
        )
      ).faults,
    ).toEqual(['intent_digest_mismatch issued', 'token_chain exchanged']);
  });

  it('must be present if records refer to it', async () => {
    expect((await verifyStory(without('opened'))).faults).toContain('intent_digest_mismatch settled');
  });
});

describe('an approval', () => {
  it('is refused when it is not signed by the key recorded with it', async () => {
    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    expect((await verifyStory({ approver: { signsWith: other.privateKey } })).faults).toEqual([
      'approval_signature approved',
    ]);
    expect((await verifyStory({ approver: { kid: 'another' } })).faults).toEqual(['approval_signature approved']);
  });

  it('is refused when the directory does not give its key to the approver', async () => {
    expect((await verifyStory(withData('directory', (data) => ({ ...data, credentials: [] })))).faults).toEqual([
      'approval_signature approved',
    ]);
    expect((await verifyStory(withMembers('approved', { subject: { id: 'person:carla' } }))).faults).toEqual([
      'approval_signature approved',
    ]);
    expect((await verifyStory(withMembers('approved', { references: [] }))).faults).toEqual([
      'approval_signature approved',
    ]);
  });

  it('is refused if it was given for another intent or step', async () => {
    for (const change of [
      { intent_digest: digestOf('another') },
      { txn: 'txn_another' },
      { decision: 'reject' },
      { iss: 'person:carla' },
    ] as const)
      expect((await verifyStory({ approval: (terms) => ({ ...terms, ...change }) })).faults).toEqual([
        'approval_terms approved',
      ]);
  });

  it('is refused if it had expired or never expires', async () => {
    for (const change of [{ exp: 1 }, { exp: 'never' }])
      expect((await verifyStory({ approval: (terms) => ({ ...terms, ...change }) })).faults).toContain(
        'approval_late approved',
      );
  });

  it('is refused from the initiator of the transaction or anyone who acted for them', async () => {
    expect((await verifyStory(withMembers('opened', { subject: { id: 'person:boris' } }))).faults).toContain(
      'approval_self approved',
    );
    expect((await verifyStory(withMembers('opened', { actors: [{ id: 'person:boris' }] }))).faults).toEqual([
      'approval_self approved',
    ]);
  });

  it('supports no step after it was withdrawn', async () => {
    const withdrawn = newId('record', { clock: { now: () => 4 }, random: { bytes: (size) => Buffer.alloc(size, 4) } });
    const takenBackBefore = (step: string): Plot => {
      let approved = '';
      return {
        before(name, log, ids) {
          approved = ids.approved ?? '';
          const { transaction, intent, mandate } = JSON.parse(log.leaves.at(-1)?.toString() ?? '{}') as Draft;
          if (name === step && transaction !== undefined)
            log.add({
              id: withdrawn,
              type: 'approval.withdrawn',
              transaction,
              intent: intent ?? '',
              mandate: mandate ?? {},
              subject: { id: 'person:boris' },
              references: [approved],
            });
        },
      };
    };
    expect((await verifyStory(takenBackBefore('submitted'))).faults).toEqual(['approval_withdrawn submitted']);
    expect((await verifyStory(takenBackBefore('executed'))).faults).toEqual([]);
  });

  describe('that was one of several under one signature', () => {
    type Signed = Readonly<Record<string, Json>>;
    const batch = (
      { txn, intent_digest, ...terms }: Signed,
      change: (items: readonly Json[]) => readonly Json[] = (items) => items,
    ): Signed => {
      const items: readonly Json[] = [
        { txn: 'txn_another', intent_digest: digestOf('another') },
        { txn: txn ?? null, intent_digest: intent_digest ?? null },
      ];
      return { ...terms, items: change(items), root: digestOf(items) };
    };

    it('holds by its own item', async () => {
      expect((await verifyStory({ approval: (terms) => batch(terms) })).faults).toEqual([]);
    });

    it('is refused if an item was changed, moved, added or omitted after the root was made', async () => {
      for (const change of [
        (items: readonly Json[]) => items.toReversed(),
        (items: readonly Json[]) => items.slice(1),
        (items: readonly Json[]) => [...items, { txn: 'txn_third', intent_digest: digestOf('third') }],
        (items: readonly Json[]) => items.with(0, { txn: 'txn_another', intent_digest: digestOf('changed') }),
        (items: readonly Json[]) => items.with(0, '\ud800'),
      ])
        expect((await verifyStory({ approval: (terms) => batch(terms, change) })).faults).toEqual([
          'approval_terms approved',
        ]);
    });

    it('is refused if no item is this transaction, or its item has another intent', async () => {
      const strangers = await verifyStory({ approval: (terms) => batch({ ...terms, txn: 'txn_stranger' }) });
      expect(strangers.faults).toEqual(['approval_terms approved', 'approval_terms approved']);
      const changed = await verifyStory({ approval: (terms) => batch({ ...terms, intent_digest: digestOf('other') }) });
      expect(changed.faults).toEqual(['approval_terms approved']);
      const none = await verifyStory({
        approval: ({ txn: _txn, intent_digest: _digest, ...terms }) => ({ ...terms, items: 'all', root: 'all' }),
      });
      expect(new Set(none.faults)).toEqual(new Set(['approval_terms approved']));
    });
  });
});

describe('a mandate', () => {
  it('is refused when a version was edited', async () => {
    const { faults: found } = await verifyStory({
      mandate: (version, mandate) =>
        version === 2 ? { ...mandate, effectiveUntil: '2030-01-01T00:00:00.000Z' } : mandate,
    });
    expect(found).toEqual(['mandate_chain accepted']);
  });

  it('is refused if the previous version is a different one or missing', async () => {
    const edited = await verifyStory({
      mandate(version, mandate) {
        if (version === 2) return mandate;
        const { digest: _, ...plain }: Readonly<Record<string, Json>> = { ...mandate, kind: 'instruction' };
        return { ...plain, digest: digestOf(plain) };
      },
    });
    expect(edited.faults).toEqual(['mandate_chain accepted']);
    expect((await verifyStory(without('proposed'))).faults).toEqual(['mandate_chain accepted']);
  });

  it('is refused if it is used while not in force', async () => {
    const plot: Plot = {
      before(name, log, ids) {
        if (name !== 'settled') return;
        const accepted = log.leaves
          .map((leaf) => JSON.parse(leaf.toString()))
          .find((record) => record.id === ids.accepted) as { data: { mandate: Record<string, Json> } };
        const { digest, ...plain } = accepted.data.mandate;
        const recordId = newId('record', {
          clock: { now: () => 4 },
          random: { bytes: (size) => Buffer.alloc(size, 4) },
        });
        const revoked = { ...plain, version: 3, status: 'revoked', recordId, previousDigest: digest ?? '' };
        log.add({
          id: recordId,
          type: 'mandate.revoked',
          mandate: { id: String(plain['id']), version: 3 },
          data: { mandate: { ...revoked, digest: digestOf(revoked) } },
        });
      },
    };
    const { verification, faults: found } = await verifyStory(plot);
    expect(found).toEqual(['mandate_chain settled']);
    expect(verification.steps.find((step) => !step.ok)?.detail).toContain('revoked');
  });

  it('is refused if it is used outside its period, without its record, or under a missing parent', async () => {
    const remade = (change: Readonly<Record<string, Json>>): Plot => ({
      mandate(version, mandate) {
        if (version === 1) return mandate;
        const { digest: _, ...plain } = { ...mandate, ...change };
        return { ...plain, digest: digestOf(plain) };
      },
    });
    // The tokens were issued to outlast the mandate.
    expect((await verifyStory(remade({ effectiveUntil: '2026-11-21T09:30:12.000Z' }))).faults).toEqual([
      'mandate_chain exchanged',
      'mandate_chain issued',
      'mandate_chain settled',
    ]);
    expect((await verifyStory(remade({ parent: { id: 'mnd_x', version: 1 } }))).faults).toContain(
      'mandate_chain accepted',
    );
    expect((await verifyStory(withMembers('cleared', { mandate: { id: 'mnd_x', version: 1 } }))).faults).toContain(
      'mandate_chain cleared',
    );
  });

  it('is refused if it is wider than its parent', async () => {
    const cut = (change: Readonly<Record<string, Json>>, dates: Readonly<Record<string, Json>> = {}): Plot => ({
      before(name, log, ids) {
        if (name !== 'settled') return;
        const accepted = log.leaves
          .map((leaf) => JSON.parse(leaf.toString()))
          .find((record) => record.id === ids.accepted) as { data: { mandate: Record<string, Json> } };
        const { digest: _, previousDigest: __, ...plain } = accepted.data.mandate;
        const recordId = newId('record', {
          clock: { now: () => 6 },
          random: { bytes: (size) => Buffer.alloc(size, 6) },
        });
        const child = {
          ...plain,
          ...dates,
          id: 'mnd_child',
          version: 1,
          parent: { id: plain.id ?? '', version: 2 },
          constraints: { ...constraints, delegationDepth: 0, ...change },
          recordId,
        };
        ids.child = log.add({
          id: recordId,
          type: 'mandate.accepted',
          mandate: { id: 'mnd_child', version: 1 },
          data: { mandate: { ...child, digest: digestOf(child) } },
        });
      },
    });
    expect((await verifyStory(cut({}))).faults).toEqual([]);
    expect((await verifyStory(cut({ venues: ['XPAR'] }))).faults).toEqual([]);
    expect((await verifyStory(cut({ venues: ['XETR'] }))).faults).toEqual(['mandate_chain child']);
    expect((await verifyStory(cut({ delegationDepth: 1 }))).faults).toEqual(['mandate_chain child']);
    expect((await verifyStory(cut({ venues: 'all' }))).faults).toEqual(['mandate_chain child']);
    expect((await verifyStory(cut({}, { effectiveUntil: '2028-01-01T00:00:00.000Z' }))).faults).toEqual([
      'mandate_chain child',
    ]);
  });

  it('is refused if its parents form a cycle', async () => {
    const loop: Plot = {
      mandate(version, mandate) {
        if (version === 1) return mandate;
        const { digest: _, ...plain }: Readonly<Record<string, Json>> = {
          ...mandate,
          parent: { id: mandate.id ?? '', version: 1 },
        };
        return { ...plain, digest: digestOf(plain) };
      },
    };
    expect((await verifyStory(loop)).faults).toContain('mandate_chain settled');
  });
});

describe('an exchanged token', () => {
  const claimsOf = (data: Readonly<Record<string, Json>>): Readonly<Record<string, Json>> =>
    data.claims as Readonly<Record<string, Json>>;
  it.each([
    ['a scope more', { scope: 'order:clear order:settle' }],
    ['a longer life', { exp: 9_999_999_999 }],
    ['no actor more', { act: { sub: 'service:oms' } }],
    ['the actors before exchanged', { act: { sub: 'service:broker', act: { sub: 'service:else' } } }],
    ['two actors more', { act: { sub: 'a', act: { sub: 'b', act: { sub: 'service:oms' } } } }],
    ['an invalid actor chain', { act: 'service:broker' }],
    ['another subject', { sub: 'person:boris' }],
    ['another transaction', { txn: 'txn_x' }],
    ['another mandate', { mandate: { id: 'mnd_x', version: 1 } }],
    ['another record as its own', { evidence: 'rec_x' }],
  ])('is refused with %s', async (_, change) => {
    const { faults: found } = await verifyStory(
      withData('exchanged', (data) => ({ ...data, claims: { ...claimsOf(data), ...change } })),
    );
    expect(found).toContain(Object.hasOwn(change, 'evidence') ? 'token_mismatch exchanged' : 'token_chain exchanged');
  });

  it('is refused if it does not derive from the token it names', async () => {
    expect(
      (
        await verifyStory(
          withData('exchanged', (data) => ({
            ...data,
            subject_token: { ...(data.subject_token as object), jti: 'tok_x' } as Json,
          })),
        )
      ).faults,
    ).toEqual(['token_chain exchanged']);
    const plot: Plot = { rewrite: (name, draft) => (name === 'issued' ? { ...draft, type: 'token.refused' } : draft) };
    expect((await verifyStory(plot)).faults).toContain('token_chain exchanged');
  });

  it('is refused if the first token named another permitted actor', async () => {
    const naming = (sub: string): Plot =>
      withData('issued', (data) => ({ ...data, claims: { ...claimsOf(data), may_act: { sub } } }));
    expect((await verifyStory(naming('service:broker'))).faults).toEqual([]);
    expect((await verifyStory(naming('service:else'))).faults).toEqual(['token_chain exchanged']);
  });
});

describe('decisions and states', () => {
  it('refuses a step without a decision that permitted it', async () => {
    const { faults: denied } = await verifyStory(
      withData('submitted', (data) => ({ ...data, decision: { ...(data['decision'] as object), decision: false } })),
    );
    expect(denied).toEqual(['decision_missing submitted']);
    const { faults: absent } = await verifyStory(withData('submitted', ({ decision: _, ...data }) => data));
    expect(absent).toEqual(['decision_missing submitted']);
  });

  it('refuses a decision whose record differs from what was decided', async () => {
    expect((await verifyStory(withMembers('decided', { outcome: 'deny' }))).faults).toEqual([
      'decision_mismatch decided',
    ]);
    expect((await verifyStory(withMembers('decided', { transaction: tellOrder().transaction }))).faults).toEqual([]);
  });

  it('refuses a decision under an unpublished policy', async () => {
    expect(
      (await verifyStory(withMembers('decided', { policy: { version: 1, hash: digestOf('other') } }))).faults,
    ).toEqual(['policy_mismatch decided', 'policy_mismatch decided']);
    const { faults: unpublished } = await verifyStory({
      rewrite: (name, draft) => (name === 'policy' ? { ...draft, type: 'access.refused' } : draft),
    });
    expect(unpublished).toContain('policy_mismatch decided');
  });

  const changes: Readonly<Record<string, Readonly<Record<string, Json>>>> = {
    'the text of a policy': { part: 'orders.cedar', content: 'forbid(principal, action, resource);' },
    'what data says': { part: 'limits.json', content: { limits: [{ id: 'x' }], rates: {} } },
    'the digest of what is not in the record': { part: 'entities.json', digest: digestOf('other') },
  };
  it.each(Object.entries(changes))('refuses policies published under a wrong hash: %s', async (_, change) => {
    const { faults: found } = await verifyStory(
      withData('policy', (data) => ({
        ...data,
        parts: (data['parts'] as readonly Readonly<Record<string, Json>>[]).map((each) =>
          each['part'] === change['part'] ? { ...each, ...change } : each,
        ),
      })),
    );
    expect(found).toEqual(['policy_mismatch policy']);
  });

  it.each([
    ['a gap in the versions', { version: 4 }],
    ['a repeated version', { version: 2 }],
    ['an event of another step', { event: 'settle' }],
    ['an event that does not exist', { event: 'toString' }],
    ['an event of another kind of intent', { event: 'apply', to: 'applied' }],
    ['a target that is not the next state', { to: 'settled' }],
    ['a cancellation after execution', { event: 'cancel', to: 'cancelled' }],
    ['a start where the transaction was not', { from: 'submitted' }],
  ])('refuses %s', async (_, change) => {
    const { faults: found } = await verifyStory(withData('cleared', (data) => ({ ...data, ...change })));
    expect(found).toContain('transition_order cleared');
  });

  it('refuses a missing step in the middle', async () => {
    expect((await verifyStory(without('executed'))).faults).toContain('transition_order cleared');
  });
});

describe('hostile bundles', () => {
  const anything = fc.jsonValue({ maxDepth: 3 });

  it('get a verdict, never an exception, whatever the document is', () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(verifyBundle(value)).toMatchObject({ ok: false, steps: [{ code: 'bundle_malformed' }] });
      }),
    );
  });

  it('get a verdict when any record type holds any data', async () => {
    const types = [
      'transaction.opened',
      'transaction.transitioned',
      'approval.given',
      'decision.made',
      'token.issued',
      'token.exchanged',
      'mandate.accepted',
      'policy.published',
      'directory.applied',
      'authenticator.registered',
      'evidence.exported',
    ];
    const story = tellOrder();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...types), anything, fc.option(anything), async (type, data, envelope) => {
        const log = story.log.fork((leaf) => leaf);
        const id = newId('record', { clock: { now: () => 5 }, random: { bytes: (size) => Buffer.alloc(size, 5) } });
        const extra = typeof envelope === 'object' && envelope !== null && !Array.isArray(envelope) ? envelope : {};
        log.add({ ...extra, id, type, data } as Draft);
        const verification = verifyBundle(await log.bundle(story.transaction, story.manifest));
        expect(verification.ok).toBe(false);
        expect(verification.steps.some((step) => step.code === 'record_malformed' && step.record === id)).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  it('get a verdict when a leaf is not a record at all', async () => {
    for (const bytes of [
      Buffer.from([0xff, 0xfe]),
      Buffer.from('null'),
      Buffer.from('{"a":1,"a":2}'),
      Buffer.from('['.repeat(30_000)),
      Buffer.from('{"v":1,"x":"\\ud800"}'),
      Buffer.from('{"v":1,"x":1e999}'),
    ]) {
      const story = tellOrder({
        before: (name, log, ids) => void (name === 'settled' && log.addBytes(bytes, ids.opened as RecordId)),
      });
      const codes = verifyBundle(await story.bundle()).steps.map((step) => step.code);
      expect(codes).toContain('record_malformed');
    }
  });

  it('never verify when one byte differs, and always give a reason', { timeout: 120_000 }, async () => {
    const story = tellOrder();
    const text = Buffer.from(JSON.stringify(await story.bundle()));
    const trust: BundleTrust = { logVerifierKey: story.log.verifierKey };
    expect(verifyBundle(JSON.parse(text.toString()), { trust }).ok).toBe(true);
    let parsed = 0;
    for (let position = 0; position < text.length; position += 53) {
      const flipped = Buffer.from(text);
      flipped[position] = (flipped[position] ?? 0) ^ (1 << (position % 7));
      let bundle: unknown;
      try {
        bundle = JSON.parse(flipped.toString());
      } catch {
        continue;
      }
      parsed++;
      const verification = verifyBundle(bundle, { trust });
      expect(verification.ok, `byte ${position}`).toBe(false);
      for (const step of verification.steps.filter(({ ok }) => !ok)) expect(reasonCodes).toContain(step.code);
    }
    expect(parsed).toBeGreaterThan(300);
  });

  it('do not verify with records of another log mixed in', async () => {
    const one = tellOrder();
    const other = tellOrder();
    const [first, second]: readonly [EvidenceBundle, EvidenceBundle] = [await one.bundle(), await other.bundle()];
    const records = [...first.records.slice(0, 4), ...second.records.slice(4, 5), ...first.records.slice(5)];
    expect(faults(verifyBundle({ ...first, records }), one.ids)).toEqual(
      expect.arrayContaining(['record_missing opened', `record_altered ${other.ids.opened}`]),
    );
  });
});
