import { digestOf, newId, type RecordId } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { type BundleVerification, type EvidenceBundle, parseBundle, verifyBundle } from './index.ts';
import { createProtector } from './testing/disclosing.ts';
import { type Plot, tellOrder } from './testing/order-story.ts';

/** The story with restricted values in some records. */
function tellProtected(places: Readonly<Record<string, readonly string[]>>, plot: Plot = {}) {
  const protector = createProtector();
  const story = tellOrder({
    ...plot,
    rewrite(name, draft) {
      const told = plot.rewrite === undefined ? draft : plot.rewrite(name, draft);
      return told === undefined ? undefined : protector.protect(told, places[name] ?? []);
    },
  });
  return { story, disclosures: protector.disclosures };
}

const details = ['/data/claims/authorization_details'];
/** The restricted values of an order, as the components protect them. No check reads `shown`. */
const strategy = {
  opened: ['/data/intent'],
  issued: [...details, '/data/decision/input'],
  approved: ['/data/shown'],
  submitted: ['/data/decision/input'],
  executed: ['/data/body', '/data/body_digest'],
  exchanged: [...details, '/data/decision/input'],
};

function verify(bundle: EvidenceBundle, story: ReturnType<typeof tellOrder>): BundleVerification {
  return verifyBundle(JSON.parse(JSON.stringify(bundle)), { trust: { logVerifierKey: story.log.verifierKey } });
}

const codes = (verification: BundleVerification): readonly string[] =>
  verification.steps.flatMap(({ ok, code, step, record }) =>
    code === undefined ? [] : [`${ok ? 'note' : 'fail'} ${step} ${code}${record === undefined ? '' : ` ${record}`}`],
  );

describe('restricted values', () => {
  it('are put back and checked like any other when disclosed', async () => {
    const { story, disclosures } = tellProtected(strategy);
    const bundle = { ...(await story.bundle()), disclosures };
    expect(parseBundle(bundle).ok).toBe(true);
    const verification = verify(bundle, story);
    expect(codes(verification)).toEqual([]);
    expect(verification).toMatchObject({ verdict: 'verified', complete: true });
    expect(verification.steps.find(({ step }) => step === 'disclosures')?.detail).toBe(
      `${disclosures.length} values disclosed, 0 withheld.`,
    );
  });

  it('are in no leaf', async () => {
    const { story } = tellProtected(strategy);
    for (const { leaf } of (await story.bundle()).records)
      expect(Buffer.from(leaf ?? '', 'base64url').toString()).not.toContain('DE0001102580');
  });

  it.each([
    ['/data/intent', ['intent', 'tokens', 'decisions', 'terms']],
    ['/data/claims/authorization_details', ['tokens']],
    ['/data/decision/input', ['decisions']],
    ['/data/body', ['bodies', 'terms']],
    ['/data/body_digest', ['bodies']],
  ] as const)('make exactly the checks that need them incomplete when withheld: %s', async (path, checks) => {
    const { story, disclosures } = tellProtected(strategy);
    const bundle = await story.bundle();
    for (const withheld of disclosures.filter((each) => each.path === path)) {
      const verification = verify({ ...bundle, disclosures: disclosures.filter((each) => each !== withheld) }, story);
      expect(codes(verification)).toEqual(checks.map((check) => `note ${check} value_withheld`));
      expect(verification).toMatchObject({ verdict: 'incomplete', ok: true, complete: false });
      for (const { result, code, detail } of verification.steps.filter((step) => step.code !== undefined)) {
        expect({ result, code }).toEqual({ result: 'incomplete', code: 'value_withheld' });
        expect(detail).toContain(withheld.record);
      }
    }
  });

  it('leave nothing unseen as verified when all but the intent are removed from a bundle', async () => {
    const { story, disclosures } = tellProtected(strategy);
    const [first] = disclosures.filter(({ path }) => path === '/data/intent');
    if (first === undefined) throw new Error('the story discloses its intent');
    const verification = verify({ ...(await story.bundle()), disclosures: [first] }, story);
    expect(verification.verdict).toBe('incomplete');
    const detailOf = (id: string) => verification.steps.find(({ step }) => step === id)?.detail;
    expect(detailOf('tokens')).toContain('1 exchange followed, 0 of them with what they are for.');
    expect(detailOf('bodies')).toContain('3 bodies compared.');
    expect(detailOf('decisions')).toContain('of 2 decisions what it was made from was compared');
  });

  it('have no effect when withheld if no check reads them', async () => {
    const { story } = tellProtected({ approved: ['/data/shown'] });
    expect(verify(await story.bundle(), story)).toMatchObject({ verdict: 'verified' });
  });

  it.each([
    [
      'the terms of a mandate',
      { proposed: ['/data/mandate/constraints'], accepted: ['/data/mandate/constraints'] },
      'mandates',
    ],
    ['the text of the policies', { policy: ['/data/parts'] }, 'policies'],
  ] as const)('are skipped when withheld: %s', async (_, places, step) => {
    const { story, disclosures } = tellProtected(places);
    const bundle = await story.bundle();
    expect(codes(verify(bundle, story))).toEqual([`note ${step} value_withheld`]);
    expect(verify({ ...bundle, disclosures }, story).verdict).toBe('verified');
  });

  it('do not crash a check that requires them: it names the missing value', async () => {
    for (const [name, path] of [
      ['submitted', '/data/decision'],
      ['submitted', '/data/event'],
      ['exchanged', '/data/claims'],
      ['approved', '/data/jws'],
      ['accepted', '/data/mandate'],
      ['directory', '/data/credentials'],
    ] as const) {
      const { story } = tellProtected({ [name]: [path] });
      const told = codes(verify(await story.bundle(), story));
      expect(
        told.some((code) => code.startsWith('note') && code.includes('value_withheld')),
        name,
      ).toBe(true);
    }
  });

  it('are detected when another value is shown instead', async () => {
    const { story, disclosures } = tellProtected(strategy);
    const bundle = await story.bundle();
    const first = disclosures.find(({ path }) => path === '/data/intent');
    if (first === undefined) throw new Error('the story discloses its intent');
    const text = first.text.replace('"1000"', '"9000"');
    for (const change of [
      { text },
      { text: `${first.text} ` },
      { text: '"\ud800"' },
      { salt: Buffer.alloc(32).toString('base64url') },
    ]) {
      const verification = verify({ ...bundle, disclosures: [{ ...first, ...change }] }, story);
      expect(codes(verification)).toContain(`fail disclosures disclosure_mismatch ${story.ids.opened}`);
      // A value that does not open its commitment is never read: the intent counts as withheld.
      expect(codes(verification)).toContain('note intent value_withheld');
    }
  });

  it('are detected if no record commits to them, or one is disclosed twice', async () => {
    const { story, disclosures } = tellProtected(strategy);
    const bundle = await story.bundle();
    const [first] = disclosures;
    if (first === undefined) throw new Error('the story discloses its intent');
    const elsewhere = newId('record', { clock: { now: () => 7 }, random: { bytes: (size) => Buffer.alloc(size, 7) } });
    for (const [stray, record] of [
      [{ ...first, path: '/data/side' }, story.ids.opened],
      [{ ...first, path: '/__proto__' }, story.ids.opened],
      [{ ...first, path: 'data' }, story.ids.opened],
      [{ ...first, record: story.ids.submitted as RecordId }, story.ids.submitted],
      [{ ...first, record: elsewhere }, elsewhere],
      [first, story.ids.opened],
    ] as const) {
      const told = codes(verify({ ...bundle, disclosures: [...disclosures, stray] }, story));
      expect(told).toContain(`fail disclosures disclosure_unlisted ${record}`);
    }
  });

  it('print no control characters in the findings, whatever path they claim', async () => {
    const { story, disclosures } = tellProtected(strategy);
    const bundle = await story.bundle();
    const [first] = disclosures;
    if (first === undefined) throw new Error('the story discloses its intent');
    const drawing = '/\u001b[2J\u001b[32mVERIFIED\u001b[8m\u009b8m\u202e';
    const verification = verify({ ...bundle, disclosures: [...disclosures, { ...first, path: drawing }] }, story);
    expect(codes(verification)).toContain(`fail disclosures disclosure_unlisted ${story.ids.opened}`);
    for (const { detail } of verification.steps) expect(detail).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  it('cannot replace an open value, nor contain one another', async () => {
    const commitment = { kind: 'strategy', key: 'k', commitment: 'A'.repeat(43), ciphertext: 'A'.repeat(43) };
    for (const commitments of [
      { '/type': commitment },
      { '/data': commitment },
      { '/nowhere/to/be': commitment },
      { '/data/x': commitment, '/data/x/y': commitment },
      { '/references/0': commitment },
      { data: commitment },
      { '/data/~2': commitment },
      { '/data/x': 'no commitment' },
      'none',
    ]) {
      const other = tellOrder({
        rewrite: (name, draft) => (name === 'settled' ? { ...draft, v: 2, protected: commitments } : draft),
      });
      const told = codes(verify(await other.bundle(), other));
      expect(told, JSON.stringify(commitments)).toContain(
        `fail records-readable record_malformed ${other.ids.settled}`,
      );
    }
  });

  it('have no meaning in a record of the first version', async () => {
    const story = tellOrder({
      rewrite: (name, draft) => (name === 'settled' ? { ...draft, protected: { '/data': 'x' } } : draft),
    });
    expect(verify(await story.bundle(), story).verdict).toBe('verified');
  });

  it('are distinguished when erased from withheld ones, by the record of the erasure', async () => {
    const { story } = tellProtected(strategy, {
      before: (name, log) =>
        void (
          name === 'settled' &&
          log.add({
            id: newId('record', { clock: { now: () => 8 }, random: { bytes: (size) => Buffer.alloc(size, 8) } }),
            type: 'erasure.completed',
            data: { keys: ['key_test'] },
          })
        ),
    });
    const verification = verify(await story.bundle(), story);
    expect(verification.verdict).toBe('incomplete');
    expect(verification.steps.find(({ step }) => step === 'disclosures')?.detail).toBe(
      '0 values disclosed, 0 withheld, 9 erased, as the log recorded.',
    );
  });

  it('keep the digest of the intent: a different one beside it is still detected', async () => {
    const { story } = tellProtected(strategy, {
      rewrite: (name, draft) => (name === 'executed' ? { ...draft, intent: digestOf('another') } : draft),
    });
    expect(codes(verify(await story.bundle(), story))).toEqual([
      `fail intent intent_digest_mismatch ${story.ids.executed}`,
      ...['intent', 'tokens', 'decisions', 'bodies', 'terms'].map((check) => `note ${check} value_withheld`),
    ]);
  });
});

describe('pruned records', () => {
  const prune = (bundle: EvidenceBundle, story: ReturnType<typeof tellOrder>, name: string): EvidenceBundle => ({
    ...bundle,
    records: bundle.records.map((record) => {
      const text = Buffer.from(record.leaf ?? '', 'base64url');
      if (!text.includes(`"id":"${story.ids[name]}"`) || text.includes('evidence.exported')) return record;
      const { leaf: _, ...rest } = record;
      return { ...rest, leafHash: story.log.leafHash(Number(record.index)).toString('base64url') };
    }),
  });
  const pruning = (ranges: readonly (readonly [number, number])[]): Plot => ({
    before: (name, log) =>
      void (
        name === 'settled' &&
        log.add({
          id: newId('record', { clock: { now: () => 9 }, random: { bytes: (size) => Buffer.alloc(size, 9) } }),
          type: 'log.pruned',
          data: { ranges },
        })
      ),
  });

  it('are proven by their hash, and by the log’s record of their removal', async () => {
    const story = tellOrder(pruning([[0, 0]]));
    const verification = verify(prune(await story.bundle(), story, 'directory'), story);
    expect(codes(verification)).toEqual([
      'note pruned record_pruned',
      // The registration of the approver's key can no longer be shown; nothing disproves it.
      'note approvals record_pruned',
    ]);
  });

  it('leave a bundle incomplete, not false, if no check needs them', async () => {
    const story = tellOrder(pruning([[10, 10]]));
    const verification = verify(prune(await story.bundle(), story, 'exchanged'), story);
    expect(codes(verification)).toEqual(['note pruned record_pruned']);
    expect(verification.verdict).toBe('incomplete');
  });

  it('count as omitted if the log has no record of their removal', async () => {
    for (const plot of [{}, pruning([[9, 9]]), pruning([[11, 11]])]) {
      const story = tellOrder(plot);
      expect(codes(verify(prune(await story.bundle(), story, 'exchanged'), story))).toEqual([
        `fail pruned record_missing ${story.ids.exchanged}`,
      ]);
    }
  });
});
