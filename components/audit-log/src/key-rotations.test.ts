import { recordIdOfCommand } from '@countersign/contracts';
import {
  type BundleTrust,
  type EvidenceBundle,
  keyHandoverType,
  readSuccession,
  verifyBundle,
} from '@countersign/evidence';
import { parseVerifierKey, type VerifierKey, verifyCheckpoint } from '@countersign/merkle-log';
import { codeOf } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningAuditLog } from './index.ts';
import { createRig, draft, newTransaction, type Rig } from './testing/rig.ts';
import { fetchExchange, startTestWitness } from './testing/test-witness.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await createRig();
});
afterEach(() => rig.close());

const origin = 'log.example/test';

async function publish(log: RunningAuditLog): Promise<void> {
  await rig.signer.rotate('log-checkpoint', async ({ kid, purpose, algorithm, jwk }) => {
    const data = { purpose, kid, algorithm, jwk: { ...jwk } };
    const id = recordIdOfCommand({ published: kid });
    await log.append({ id, type: 'key.published', source: 'authorization-server', outcome: 'done', data });
  });
}

async function rotate(log: RunningAuditLog): Promise<void> {
  await publish(log);
  rig.signer.activate('log-checkpoint');
}

function keyOf(text: string): VerifierKey {
  const parsed = parseVerifierKey(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.key;
}

function isSignedBy(note: string, key: string): boolean {
  return verifyCheckpoint({ signedNote: note, origin, logKeys: [keyOf(key)] }).ok;
}

function failures(bundle: EvidenceBundle, trust: BundleTrust): readonly string[] {
  const { steps } = verifyBundle(JSON.parse(JSON.stringify(bundle)), { trust });
  return steps.filter(({ ok }) => !ok).map(({ step, code }) => `${step} ${code}`);
}

describe('the next key of a log', () => {
  it('signs from the record that names it, and both keys sign the tree that ends with this record', async () => {
    const log = await rig.open();
    const old = log.verifierKey();
    await publish(log);
    expect(isSignedBy(await log.checkpoint(), old)).toBe(true);
    rig.signer.activate('log-checkpoint');
    const handover = await log.checkpoint();
    const key = log.verifierKey();
    expect(key).not.toBe(old);
    expect([isSignedBy(handover, old), isSignedBy(handover, key)]).toEqual([true, true]);
    await log.append(draft());
    const later = await log.checkpoint();
    expect([isSignedBy(later, old), isSignedBy(later, key)]).toEqual([false, true]);
    const [record, ...more] = await log.search({ type: keyHandoverType });
    expect(record?.record).toMatchObject({
      source: 'audit-log',
      outcome: 'done',
      data: { origin, from: old, to: key },
    });
    expect(more).toEqual([]);
    for (const trusted of [old, key])
      expect(readSuccession({ origin, trusted: keyOf(trusted), handovers: await log.keyHandovers() })).toMatchObject({
        ok: true,
      });
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('is used by every node from the same record on, whichever comes first', async () => {
    const nodes = [await rig.open(), await rig.open()];
    await Promise.all(nodes.map((log) => log.append(draft())));
    const [first] = nodes;
    if (first === undefined) throw new Error('there are two nodes');
    const old = first.verifierKey();
    await rotate(first);
    const notes = await Promise.all(
      Array.from({ length: 20 }, async (_, turn) => {
        const log = nodes[turn % 2] ?? first;
        await log.append(draft());
        return log.checkpoint();
      }),
    );
    const handovers = await first.keyHandovers();
    expect(handovers).toHaveLength(1);
    const succession = readSuccession({ origin, trusted: keyOf(old), handovers });
    if (!succession.ok) throw new Error(succession.reason);
    const [handover] = succession.handovers;
    for (const note of notes) {
      const size = BigInt(note.split('\n')[1] ?? '');
      if (handover === undefined || size === handover.size) continue;
      expect(isSignedBy(note, size < handover.size ? old : (nodes[1]?.verifierKey() ?? ''))).toBe(true);
    }
    expect(await first.search({ type: keyHandoverType })).toHaveLength(1);
    expect(await first.verify()).toMatchObject({ ok: true });
  });

  it('is not used without the record of its publication', async () => {
    const log = await rig.open();
    const old = log.verifierKey();
    await rig.signer.rotate('log-checkpoint');
    rig.signer.activate('log-checkpoint');
    await log.append(draft());
    expect(isSignedBy(await log.checkpoint(), old)).toBe(true);
    expect(await log.keyHandovers()).toEqual([]);
  });

  it('is known after a restart, and the handover is completed there if the process died before it was signed', async () => {
    const log = await rig.open();
    const old = log.verifierKey();
    await rotate(log);
    await log.checkpoint();
    await rig.tamper('delete from checkpoints where size >= (select max(size) from checkpoints)');
    const again = await rig.open();
    await again.append(draft());
    const note = await again.checkpoint();
    expect(isSignedBy(note, old)).toBe(false);
    expect(isSignedBy(note, again.verifierKey())).toBe(true);
    expect(await again.keyHandovers()).toHaveLength(1);
  });

  it('stops the log if a signed checkpoint is of another key than its records name', async () => {
    const log = await rig.open();
    const old = await rig.signer.current('log-checkpoint');
    await rotate(log);
    await log.append(draft());
    const late = await log.checkpoint();
    const [text = ''] = late.split('\n\n');
    const { signature } = await rig.signer.sign('log-checkpoint', old.kid, Buffer.from(`${text}\n`));
    const [line = ''] = (await log.keyHandovers())[0]?.checkpoint.split('\n\n')[1]?.split('\n') ?? [];
    const [dash, name, mark = ''] = line.split(' ');
    const keyId = Buffer.from(mark, 'base64').subarray(0, 4);
    const forged = `${text}\n\n${dash} ${name} ${Buffer.concat([keyId, signature]).toString('base64')}\n`;
    await rig.tamper('update checkpoints set note = $1 where size = (select max(size) from checkpoints)', [forged]);
    await log.append(draft());
    expect(await codeOf(log.checkpoint())).toBe('log_inconsistent');
    expect(await codeOf(rig.open())).toBe('log_inconsistent');
  });

  it('is not named by a record of another source', async () => {
    const log = await rig.open();
    const old = log.verifierKey();
    await publish(log);
    const [publication] = await log.search({ type: 'key.published' });
    if (publication === undefined) throw new Error('the key is published');
    const other = old.replace(/\+.*$/, '+00000000+AAAA');
    await log.append(
      draft({
        type: keyHandoverType,
        source: 'authorization-server',
        outcome: 'done',
        references: [publication.record.id],
        data: { origin, from: old, to: other },
      }),
    );
    expect(isSignedBy(await log.checkpoint(), old)).toBe(true);
    expect(await log.keyHandovers()).toEqual([]);
  });
});

describe('a rotation of the log key before witnesses', () => {
  it('is published under the old key first, and a bundle verifies by a policy that names the old key', async () => {
    const witness = await startTestWitness('alpha');
    try {
      const policy = `${witness.line}quorum alpha\n`;
      const witnessing = { policy, exchange: fetchExchange, everyMs: 3_600_000, timeoutMs: 30_000, alarmAfterMs: 0 };
      const log = await rig.open({ witnessing });
      const transaction = newTransaction();
      await log.append(draft({ type: 'transaction.refused', outcome: 'deny', transaction }));
      const held = await log.checkpoint();
      const old = log.verifierKey();
      await rotate(log);
      await log.append(draft());
      const bundle = await log.exportBundle({ transaction, requester: { id: 'person:anna' }, since: held });
      const named = `log ${old}\n${policy}`;
      const told = failures(bundle, { policy: named, checkpoint: held });
      expect(told.filter((each) => /log|checkpoint|witness|inclusion/.test(each))).toEqual([]);
      const [handover] = await log.keyHandovers();
      expect(handover?.checkpoint).toContain('alpha.example');
      expect(await log.verify()).toMatchObject({ ok: true });
      // A node whose policy still names the old key, or already the new one.
      for (const logKey of [old, log.verifierKey()]) {
        const node = await rig.open({ witnessing: { ...witnessing, policy: `log ${logKey}\n${policy}` } });
        await node.append(draft());
        expect(isSignedBy(await node.checkpoint(), log.verifierKey())).toBe(true);
      }
    } finally {
      await witness.stop();
    }
  });
});

describe('a bundle over a rotation of the log key', () => {
  it('verifies under either key; one from before stays good', async () => {
    const log = await rig.open();
    const transaction = newTransaction();
    await log.append(draft({ type: 'transaction.refused', outcome: 'deny', transaction }));
    const requester = { id: 'person:anna' } as const;
    const held = await log.checkpoint();
    const before = await log.exportBundle({ transaction, requester });
    const old = log.verifierKey();
    await rotate(log);
    const over = await log.exportBundle({ transaction, requester, since: held });
    await rotate(log);
    const twice = await log.exportBundle({ transaction, requester, since: held });
    const newest = log.verifierKey();
    expect([before, over, twice].map(({ format }) => format.slice(-1))).toEqual(['2', '3', '3']);
    expect(twice.handovers).toHaveLength(2);
    const trusted = { logVerifierKey: old, checkpoint: held };
    const keyAndTree = (found: readonly string[]) =>
      found.filter((each) => /log|checkpoint|witness|inclusion/.test(each));
    expect(keyAndTree(failures(before, { logVerifierKey: old }))).toEqual([]);
    expect(keyAndTree(failures(over, trusted))).toEqual([]);
    expect(keyAndTree(failures(twice, trusted))).toEqual([]);
    expect(keyAndTree(failures(twice, { logVerifierKey: newest }))).toEqual([]);
    expect(keyAndTree(failures(twice, { logVerifierKey: over.log.verifierKey, checkpoint: held }))).toEqual([]);
    const handovers = await log.keyHandovers();
    expect(keyAndTree(failures(before, { logVerifierKey: newest, handovers }))).toEqual([]);
  });
});
