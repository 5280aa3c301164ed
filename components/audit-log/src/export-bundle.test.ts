import { type RecordDraft, recordTypes } from '@countersign/contracts';
import { describeBundle, type EvidenceBundle, verifyBundle } from '@countersign/evidence';
import { digestOf, isCodedError, type Json, type RecordId } from '@countersign/kernel';
import { createMemorySigner, type MemorySigner } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from './index.ts';
import {
  createRig,
  draft,
  drafts,
  firstPlace,
  newMandate,
  newRecordId,
  newTransaction,
  type Rig,
} from './testing/rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const requester = { id: 'person:auditor' };
const constraints = {
  actions: ['order:create'],
  productClasses: ['D'],
  venues: ['XPAR'],
  jurisdictions: ['FR'],
  notionalPerOrder: { amount: '1000000', ccy: 'EUR' },
  notionalPerDay: { amount: '5000000', ccy: 'EUR' },
};
const parts = [{ part: 'entities.json', digest: digestOf([]), content: [] }];
const policyHash = digestOf({ v: 1, parts: parts.map(({ part, digest }) => ({ part, digest })) });
const intentType = 'urn:countersign:rar:v1:trade_order';

function failuresOf(bundle: EvidenceBundle, trust: Parameters<typeof verifyBundle>[1] = {}): readonly string[] {
  return verifyBundle(JSON.parse(JSON.stringify(bundle)), trust)
    .steps.filter((step) => !step.ok)
    .map((step) => `${step.code} ${step.record ?? '-'}`);
}

/** The log as an attacker with its key and the database could rewrite it: the same records, except for `change`. */
async function rewrite(log: RunningAuditLog, signer: MemorySigner, change: (record: RecordDraft) => RecordDraft) {
  const other = await createRig();
  const copy = await other.open({ signer });
  for (const { record } of (await log.search({})).slice(firstPlace)) {
    const {
      v: _,
      time: _time,
      stream: _stream,
      number: _number,
      clock: _clock,
      protected: _protected,
      ...rest
    } = record;
    await copy.append(change(rest));
  }
  return { copy, other };
}

/** A mandate in two versions, and an order under it. */
async function tellOrder(log: RunningAuditLog, options: { readonly parent?: string } = {}) {
  const transaction = newTransaction();
  const mandateId = newMandate();
  let previousDigest: string | undefined;
  const mandateVersion = async (version: number, status: string, type: RecordDraft['type']): Promise<RecordId> => {
    const recordId = newRecordId();
    const plain: Record<string, Json> = {
      id: mandateId,
      version,
      status,
      constraints: { ...constraints, delegationDepth: options.parent === undefined ? 1 : 0 },
      effectiveFrom: '2026-01-01T00:00:00.000Z',
      effectiveUntil: '2027-01-01T00:00:00.000Z',
      recordId,
      ...(options.parent === undefined ? {} : { parent: { id: options.parent, version: 2 } }),
      ...(previousDigest === undefined ? {} : { previousDigest }),
    };
    previousDigest = digestOf(plain);
    await log.append(
      draft({
        id: recordId,
        type,
        outcome: 'done',
        mandate: { id: mandateId, version },
        data: { mandate: { ...plain, digest: previousDigest } },
      }),
    );
    return recordId;
  };
  await mandateVersion(1, 'proposed', 'mandate.proposed');
  const accepted = await mandateVersion(2, 'active', 'mandate.accepted');
  const intent = { type: intentType, mandate_id: mandateId, max_qty: '1000' };
  const own = { transaction, intent: digestOf(intent), mandate: { id: mandateId, version: 2 } };
  const opened = await log.append(
    draft({
      ...own,
      type: 'transaction.opened',
      outcome: 'done',
      subject: { id: 'person:anna' },
      references: [accepted],
      data: { intent, intent_type: intentType },
    }),
  );
  const published = await log.append(
    draft({ type: 'policy.published', outcome: 'done', data: { version: 1, hash: policyHash, parts } }),
  );
  const asked = { subject: 'person:anna', action: 'order:read', resource: transaction };
  const input = {
    action: asked.action,
    principal: { type: 'Person', id: asked.subject },
    resource: { type: 'Transaction', id: asked.resource },
  };
  const decided = await log.append(
    draft({
      ...own,
      type: 'decision.made',
      outcome: 'permit',
      policy: { version: 1, hash: policyHash },
      references: [opened.id, published.id],
      data: {
        decision: {
          decision: true,
          policy_version: 1,
          policy_hash: policyHash,
          input_digest: digestOf(input),
          input,
        },
        evaluation: {
          subject: { type: 'person', id: asked.subject },
          action: asked.action,
          resource: { type: 'transaction', id: asked.resource },
        },
      },
    }),
  );
  const submitted = await log.append(
    draft({
      ...own,
      type: 'transaction.transitioned',
      outcome: 'done',
      scope: ['order:cancel'],
      references: [decided.id],
      data: {
        event: 'cancel',
        from: 'intended',
        to: 'cancelled',
        version: 1,
        body: {},
        body_digest: digestOf({}),
      },
    }),
  );
  return {
    transaction,
    mandateId,
    accepted,
    opened: opened.id,
    submitted: submitted.id,
    revoke: () => mandateVersion(3, 'revoked', 'mandate.revoked'),
  };
}

const idsOf = (bundle: EvidenceBundle): readonly string[] =>
  bundle.records.map(({ leaf }) => (JSON.parse(Buffer.from(leaf ?? '', 'base64url').toString()) as { id: string }).id);

describe('exporting the evidence of a transaction', () => {
  it('returns a bundle that verifies offline with the log key', async () => {
    const log = await rig.open();
    await Promise.all(drafts(300).map((record) => log.append(record)));
    const { transaction } = await tellOrder(log);
    await Promise.all(drafts(300).map((record) => log.append(record)));
    const bundle = await log.exportBundle({ transaction, requester });
    const verification = verifyBundle(bundle, { trust: { logVerifierKey: log.verifierKey() } });
    expect(verification.steps.filter((step) => !step.ok)).toEqual([]);
    expect(verification).toMatchObject({ ok: true, anchored: true });
  });

  it('includes everything the records depend on: references of references, and mandates up to their root with all versions', async () => {
    const log = await rig.open();
    const root = await tellOrder(log);
    const basis = await log.append(draft());
    const order = await tellOrder(log, { parent: root.mandateId });
    const revoked = await order.revoke();
    await log.append(draft({ transaction: order.transaction, references: [basis.id] }));
    const unrelated = await log.append(draft({ references: [basis.id] }));
    const bundle = await log.exportBundle({ transaction: order.transaction, requester });
    const ids = idsOf(bundle);
    expect(ids).toEqual(expect.arrayContaining([root.accepted, order.accepted, revoked, basis.id]));
    expect(ids).not.toContain(unrelated.id);
    expect(ids).not.toContain(root.submitted);
    expect(failuresOf(bundle)).toEqual([]);
  });

  it('includes the consent behind a token, back to the first version, with records of every type', async () => {
    const log = await rig.open();
    const { transaction } = await tellOrder(log);
    const given = await log.append(
      draft({
        type: 'consent.given',
        outcome: 'permit',
        data: { grant: 'grt_1', version: 1, scopes: ['order:create'] },
      }),
    );
    const changed = await log.append(
      draft({ type: 'grant.changed', outcome: 'permit', references: [given.id], data: { grant: 'grt_1', version: 2 } }),
    );
    await log.append(draft({ transaction, references: [changed.id] }));
    // Types that a check reads have members of their own, and are covered above.
    const read = [
      ...['directory.applied', 'authenticator.registered', 'policy.published', 'decision.made', 'approval.given'],
      ...['evidence.exported', 'timestamp.obtained', 'envelope.issued', 'log.pruned', 'erasure.completed'],
      ...['approval.withdrawn', 'exception.resolved', 'certificate.issued'],
    ];
    const others = recordTypes.filter(
      (type) => !read.includes(type) && !/^(mandate|transaction|token\.(issued|exch))/.test(type),
    );
    for (const type of others) await log.append(draft({ type, transaction, outcome: 'done' }));
    const bundle = await log.exportBundle({ transaction, requester });
    expect(idsOf(bundle)).toEqual(expect.arrayContaining([given.id, changed.id]));
    expect(describeBundle(bundle).join('\n')).toContain('grant.changed  permit');
    expect(failuresOf(bundle)).toEqual([]);
  });

  it('records the export with its contents before releasing it', async () => {
    const log = await rig.open();
    const { transaction } = await tellOrder(log);
    const bundle = await log.exportBundle({ transaction, requester });
    const [exported] = await log.search({ type: 'evidence.exported' });
    expect(exported?.record).toMatchObject({ id: bundle.manifest[0], transaction, subject: requester });
    expect(exported?.record.data).toMatchObject({ records: { length: bundle.records.length - 1 } });
    const again = await log.exportBundle({ transaction, requester });
    expect(idsOf(again)).toContain(bundle.manifest[0]);
    expect(failuresOf(again)).toEqual([]);
  });

  it('spreads a long list over several records, each within its size', async () => {
    const log = await rig.open();
    const { transaction } = await tellOrder(log);
    await Promise.all(drafts(1_400, { transaction }).map((record) => log.append(record)));
    const bundle = await log.exportBundle({ transaction, requester });
    expect(bundle.manifest).toHaveLength(3);
    expect(failuresOf(bundle)).toEqual([]);
    const dropped = bundle.records.filter((_, position) => position !== 700);
    expect(failuresOf({ ...bundle, records: dropped })).toEqual([`record_missing ${idsOf(bundle)[700]}`]);
  });

  it('does not let parts of two exports hide a record between them', { timeout: 120_000 }, async () => {
    const log = await rig.open();
    const transaction = newTransaction();
    const basis = await log.append(draft());
    await Promise.all(drafts(1000, { transaction }).map((one) => log.append(one)));
    const earlier = await log.exportBundle({ transaction, requester });
    // Its position is before all others, so the last record of the first part is now the first of the second.
    await log.append(draft({ transaction, references: [basis.id] }));
    const later = await log.exportBundle({ transaction, requester });
    const [first = ''] = later.manifest;
    const [, second = ''] = earlier.manifest;
    expect([earlier.manifest.length, later.manifest.length]).toEqual([2, 2]);
    const listed = new Set<string>([first, second]);
    for (const bundle of [earlier, later])
      for (const { leaf } of bundle.records) {
        const record = JSON.parse(Buffer.from(leaf ?? '', 'base64url').toString()) as {
          readonly id: string;
          readonly data: { readonly records: readonly { readonly id: string }[] };
        };
        if (record.id === first || record.id === second) for (const { id } of record.data.records) listed.add(id);
      }
    const records = later.records.filter(({ leaf }) =>
      listed.has((JSON.parse(Buffer.from(leaf ?? '', 'base64url').toString()) as { readonly id: string }).id),
    );
    const mixed = { ...later, manifest: [first, second], records } as unknown as EvidenceBundle;
    expect(records.length).toBeLessThan(later.records.length - 2);
    expect(failuresOf(later)).toEqual([]);
    expect(failuresOf(mixed)).toContain(`record_missing ${second}`);
  });

  it('refuses more records than a bundle can hold', { timeout: 120_000 }, async () => {
    const log = await rig.open();
    const transaction = newTransaction();
    for (let round = 0; round < 3; round++)
      await Promise.all(drafts(3_400, { transaction }).map((record) => log.append(record)));
    await expect(log.exportBundle({ transaction, requester })).rejects.toSatisfy((error) =>
      isCodedError(error, 'bundle_too_large'),
    );
  });

  it('refuses a transaction unknown to the log', async () => {
    const log = await rig.open();
    await expect(log.exportBundle({ transaction: newTransaction(), requester })).rejects.toSatisfy((error) =>
      isCodedError(error, 'transaction_without_records'),
    );
  });
});

describe('a bundle since a checkpoint that the reader holds', () => {
  it('proves that the log only grew', async () => {
    const log = await rig.open();
    const { transaction } = await tellOrder(log);
    const kept = await log.checkpoint();
    await Promise.all(drafts(700).map((record) => log.append(record)));
    const bundle = await log.exportBundle({ transaction, requester, since: kept });
    const trust = { logVerifierKey: log.verifierKey(), checkpoint: kept };
    expect(failuresOf(bundle, { trust })).toEqual([]);
    const { consistency: _, ...without } = bundle;
    expect(failuresOf(without as EvidenceBundle, { trust })).toEqual(['log_growth_unproven -']);
  });

  it('reveals a log that was rewritten with its own key', async () => {
    const log = await rig.open();
    const { transaction, opened } = await tellOrder(log);
    const kept = await log.checkpoint();
    const { copy, other } = await rewrite(log, rig.signer, (record) =>
      record.id === opened ? { ...record, subject: { id: 'person:else' } } : record,
    );
    const forged = await copy.exportBundle({ transaction, requester, since: kept });
    const honest = await log.exportBundle({ transaction, requester, since: kept });
    const trust = { logVerifierKey: log.verifierKey(), checkpoint: kept };
    expect(copy.verifierKey()).toBe(log.verifierKey());
    expect(failuresOf(honest, { trust })).toEqual([]);
    expect(failuresOf(forged, { trust: { logVerifierKey: log.verifierKey() } })).toEqual(['log_rewritten -']);
    expect(failuresOf(forged, { trust })).toContain('log_rewritten -');
    await other.close();
  });

  it('is refused for a note that this log did not sign, and for a tree larger than the log', async () => {
    const log = await rig.open();
    const { transaction } = await tellOrder(log);
    const foreign = await createRig();
    const stranger = await foreign.open({ signer: createMemorySigner() });
    await expect(log.exportBundle({ transaction, requester, since: await stranger.checkpoint() })).rejects.toSatisfy(
      (error) => isCodedError(error, 'checkpoint_unknown'),
    );
    await expect(log.exportBundle({ transaction, requester, since: 'nonsense' })).rejects.toSatisfy((error) =>
      isCodedError(error, 'checkpoint_unknown'),
    );
    const twin = await foreign.open({ pool: foreign.pool(), signer: rig.signer }).catch((error: unknown) => error);
    expect(isCodedError(twin, 'log_inconsistent')).toBe(true);
    const ahead = await createRig();
    const larger = await ahead.open({ signer: rig.signer });
    await Promise.all(drafts(50).map((record) => larger.append(record)));
    await expect(log.exportBundle({ transaction, requester, since: await larger.checkpoint() })).rejects.toSatisfy(
      (error) => isCodedError(error, 'log_inconsistent'),
    );
    await foreign.close();
    await ahead.close();
  });
});

describe('a bundle that was tampered with', () => {
  it('never verifies with a byte changed, and the answer always has a reason', async () => {
    const log = await rig.open();
    const { transaction } = await tellOrder(log);
    const text = Buffer.from(JSON.stringify(await log.exportBundle({ transaction, requester })));
    const trust = { logVerifierKey: log.verifierKey() };
    for (let position = 0; position < text.length; position += 29) {
      const flipped = Buffer.from(text);
      flipped[position] = (flipped[position] ?? 0) ^ (1 << (position % 7));
      let bundle: unknown;
      try {
        bundle = JSON.parse(flipped.toString());
      } catch {
        continue;
      }
      const verification = verifyBundle(bundle, { trust });
      expect(verification.ok, `byte ${position}`).toBe(false);
      expect(verification.steps.filter((step) => !step.ok).every((step) => step.code !== undefined)).toBe(true);
    }
  });
});
