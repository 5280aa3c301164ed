import { recordIdOfCommand } from '@countersign/contracts';
import { type BundleTrust, type EvidenceBundle, verifyBundle } from '@countersign/evidence';
import { type Json, newId, type RecordId, sha256, systemRandom, toInstant } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { issueCertificate, issueToken } from '../../../protocols/x509/src/testing/test-authority.ts';
import type { RunningAuditLog } from './index.ts';
import { createRig, draft, drafts, newTransaction, type Rig } from './testing/rig.ts';

// Bundles with later additions: time stamps over their records, pruned bodies, erased values.

let rig: Rig;
let log: RunningAuditLog;
beforeEach(async () => {
  rig = await createRig();
  log = await rig.open();
});
afterEach(() => rig.close());

const requester = { id: 'person:auditor' };
const by = { id: 'person:colin.counsel' };
const yearMs = 365.25 * 86_400_000;

function ask(bundle: EvidenceBundle, trust: BundleTrust = {}) {
  const verification = verifyBundle(JSON.parse(JSON.stringify(bundle)), {
    trust: { logVerifierKey: log.verifierKey(), ...trust },
  });
  return {
    verdict: verification.verdict,
    told: verification.steps.flatMap(({ ok, code }) => (code === undefined ? [] : [`${ok ? 'note' : 'fail'} ${code}`])),
    detail: (step: string) => verification.steps.find((each) => each.step === step)?.detail,
  };
}

describe('the time stamps of a bundle', () => {
  const authority = issueCertificate({ notBefore: 0, notAfter: Date.parse('2049-01-01T00:00:00Z') });

  async function stamp(): Promise<void> {
    const checkpoint = await log.checkpoint();
    const imprint = { hash: 'sha256', digest: sha256(checkpoint) } as const;
    const token = Buffer.from(issueToken(authority, { info: { imprint, at: rig.clock.now() } })).toString('base64url');
    const thing = { kind: 'checkpoint', size: checkpoint.split('\n')[1] ?? '', checkpoint };
    await log.append(draft({ type: 'timestamp.obtained', outcome: 'done', data: { thing, token } }));
  }

  it('are the first that covers the start and the first that covers everything, with a consistency proof', async () => {
    const transaction = newTransaction();
    await stamp();
    await log.append(draft({ transaction }));
    await stamp();
    await stamp();
    await Promise.all(drafts(20, { transaction }).map((record) => log.append(record)));
    expect((await log.exportBundle({ transaction, requester })).timeStamps).toHaveLength(1);
    await stamp();
    await stamp();
    const bundle = await log.exportBundle({ transaction, requester });
    const asked = ask(bundle, { timeStampAuthorities: [authority.certificate] });
    expect(bundle.timeStamps).toHaveLength(2);
    expect(asked).toMatchObject({ verdict: 'verified', told: [] });
    expect(asked.detail('time-stamps')).toMatch(/^1 record shown .* 22 records shown/);
  });

  it('are absent if nothing was stamped since, and include those under an earlier key of the log', async () => {
    const transaction = newTransaction();
    await log.append(draft({ transaction }));
    expect(await log.exportBundle({ transaction, requester })).not.toHaveProperty('timeStamps');
    await stamp();
    const before = log.verifierKey();
    await rig.signer.rotate('log-checkpoint', async ({ kid, purpose, algorithm, jwk }) => {
      const data = { purpose, kid, algorithm, jwk: { ...jwk } };
      const id = recordIdOfCommand({ published: kid });
      await log.append({ id, type: 'key.published', source: 'authorization-server', outcome: 'done', data });
    });
    rig.signer.activate('log-checkpoint');
    const bundle = await log.exportBundle({ transaction, requester });
    expect(bundle.timeStamps).toHaveLength(1);
    expect(bundle.handovers).toHaveLength(1);
    for (const logVerifierKey of [before, bundle.log.verifierKey]) {
      const asked = ask(bundle, { logVerifierKey, timeStampAuthorities: [authority.certificate] });
      expect(asked.verdict).toBe('verified');
      expect(asked.detail('time-stamps')).toMatch(/^2 records shown /);
    }
  });
});

describe('removed content of a bundle', () => {
  const passYears = (years: number) => rig.clock.advance(years * yearMs);

  async function order(type: 'retention.pruning-approved' | 'erasure.approved', data: Json): Promise<RecordId> {
    const id = newId('record', { clock: rig.clock, random: systemRandom });
    await log.append(draft({ id, type, source: 'retention', outcome: 'done', data }));
    return id;
  }
  const asOf = () => log.newest(['hold.placed', 'retention.changed']);

  async function prune(): Promise<void> {
    const before = rig.clock.now();
    const of = 'access' as const;
    const authority = await order('retention.pruning-approved', { class: of, before: toInstant(before) });
    await log.custody.prune({ class: of, before, holds: [], asOf: await asOf(), authority, by });
  }

  it('is represented by its hash and the record of its removal', async () => {
    const transaction = newTransaction();
    await log.append(draft({ transaction, type: 'access.refused', outcome: 'deny' }));
    await log.append(draft({ transaction, type: 'exception.raised', outcome: 'done' }));
    const before = await log.exportBundle({ transaction, requester });
    passYears(9);
    await prune();
    const after = await log.exportBundle({ transaction, requester });
    expect(after.records.filter(({ leaf }) => leaf === undefined)).toHaveLength(1);
    expect(ask(after)).toMatchObject({ verdict: 'incomplete', told: ['note record_pruned'] });
    // A bundle exported before the removal still has the content.
    expect(ask(before)).toMatchObject({ verdict: 'verified' });
    const unexplained = after.records.filter(
      ({ leaf }) => !Buffer.from(leaf ?? '', 'base64url').includes('"log.pruned"'),
    );
    expect(ask({ ...after, records: unexplained }).told).toContain('fail record_missing');
  });

  it('may be everything: the bundle then says so and is not refused', async () => {
    const transaction = newTransaction();
    await log.append(draft({ transaction, type: 'access.refused', outcome: 'deny' }));
    passYears(9);
    await prune();
    const bundle = await log.exportBundle({ transaction, requester });
    expect(ask(bundle)).toMatchObject({ verdict: 'incomplete', told: ['note record_pruned'] });
  });

  it('may be values only: their commitments stay, with the record of the destruction of their key', async () => {
    const transaction = newTransaction();
    const subject = '5493001KJTIIGC8Y1R12';
    const protectedValues = [{ path: '/data/price', kind: 'strategy' as const, subject, value: '101.25' }];
    await log.append(draft({ transaction, type: 'exception.raised', outcome: 'done', data: {}, protectedValues }));
    const told = { kinds: ['strategy'] as const, mayBeShown: () => true };
    const before = await log.exportBundle({ transaction, requester, disclose: told });
    expect(ask(before).detail('disclosures')).toMatch(/^1 value disclosed/);
    passYears(9);
    const keys = (await log.custody.keysOf(subject)).map(({ key }) => key);
    const authority = await order('erasure.approved', { keys, subject });
    await log.custody.erase({ keys, asOf: await asOf(), authority, by });
    const after = await log.exportBundle({ transaction, requester, disclose: told });
    expect(ask(after).detail('disclosures')).toMatch(/^0 values disclosed, .*1 erased, as the log recorded\.$/);
    expect(ask(after)).toMatchObject({ verdict: 'verified' });
    expect(ask(before)).toMatchObject({ verdict: 'verified' });
  });
});
