import { newId, systemRandom } from '@countersign/kernel';
import {
  cosign,
  formatNote,
  formatVerifierKey,
  parseNote,
  parseVerifierKey,
  type VerifierKey,
} from '@countersign/merkle-log';
import { describe, expect, it } from 'vitest';
import { signingKey } from '../../merkle-log/src/testing/signing-key.ts';
import {
  type BundleTrust,
  type EvidenceBundle,
  type KeyHandover,
  keysAt,
  parseTrust,
  readSuccession,
  verifyBundle,
} from './index.ts';
import { tellOrder } from './testing/order-story.ts';
import { PaperLog } from './testing/paper-log.ts';

const origin = 'log.example/test';
const recordId = () =>
  newId('record', { clock: { now: () => Date.parse('2026-11-21T09:30:00Z') }, random: systemRandom });
const newRecord = (log: PaperLog) => log.add({ id: recordId(), type: 'access.refused', data: {} });

function keyOf(text: string): VerifierKey {
  const parsed = parseVerifierKey(text);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.key;
}

/** A log with three keys, and its handovers. */
async function rotatedLog() {
  const log = new PaperLog();
  const keys = [log.verifierKey];
  newRecord(log);
  const first = await log.rotate(recordId(), 'second key');
  keys.push(log.verifierKey);
  newRecord(log);
  newRecord(log);
  const second = await log.rotate(recordId(), 'third key');
  keys.push(log.verifierKey);
  return { log, keys, handovers: [first, second] };
}

const read = (trusted: string | undefined, handovers: readonly KeyHandover[]) =>
  readSuccession({ origin, trusted: keyOf(trusted ?? ''), handovers });

describe('a succession of keys', () => {
  it('is read from any of its keys, and gives each key its trees', async () => {
    const { keys, handovers } = await rotatedLog();
    for (const trusted of keys) {
      const found = read(trusted, handovers);
      if (!found.ok) throw new Error(found.reason);
      const at = (size: bigint) =>
        keysAt(found, size).map(({ keyId }) => keys.findIndex((key) => keyOf(key).keyId === keyId));
      expect([0n, 1n, 2n, 3n, 4n, 5n, 6n, 900n].map(at)).toEqual([[0], [0], [0, 1], [1], [1], [1, 2], [2], [2]]);
    }
  });

  it('is refused if one handover lacks a signature', async () => {
    for (const [signers, reason] of [
      [['the key of the paper log'], 'Handover 1 is not signed by the new key.'],
      [['second key'], 'Handover 1 is not signed by the old key.'],
      [['third key'], 'Handover 1 is not signed by the old key.'],
    ] as const) {
      const log = new PaperLog();
      const key = log.verifierKey;
      newRecord(log);
      const handover = await log.rotate(recordId(), 'second key', signers);
      expect(read(key, [handover])).toEqual({ ok: false, reason });
    }
  });

  it('is refused if the record is not the last of the tree, is of another log, type or source, or names one key twice', async () => {
    const { keys, handovers } = await rotatedLog();
    const [first] = handovers;
    if (first === undefined) throw new Error('there is a handover');
    const record = JSON.parse(Buffer.from(first.leaf, 'base64url').toString());
    const withRecord = (change: object): KeyHandover => ({
      ...first,
      leaf: Buffer.from(JSON.stringify({ ...record, ...change })).toString('base64url'),
    });
    const named = 'Handover 1 is not a record of log.example/test that names two keys.';
    for (const [handover, reason] of [
      [withRecord({ time: '2026-11-21T09:30:09.000Z' }), 'Handover 1 is not the last record of its checkpoint.'],
      [withRecord({ data: { ...record.data, to: keys[2] } }), 'Handover 1 is not the last record of its checkpoint.'],
      [{ ...first, proof: [] }, 'Handover 1 is not the last record of its checkpoint.'],
      [{ ...first, checkpoint: 'no note' }, 'Handover 1 has no readable checkpoint.'],
      [withRecord({ type: 'log.opened' }), named],
      [withRecord({ source: 'edge' }), named],
      [withRecord({ outcome: 'deny' }), named],
      [withRecord({ data: { ...record.data, origin: 'other.example' } }), named],
      [withRecord({ data: { ...record.data, to: record.data.from } }), named],
      [withRecord({ data: { ...record.data, to: String(record.data.to).replace('log.example', 'log.evil') } }), named],
      [withRecord({ data: null }), named],
      [{ ...first, leaf: '****' }, named],
    ] as const)
      expect(read(keys[0], [handover])).toEqual({ ok: false, reason });
  });

  it('is refused if handovers are missing, exchanged, repeated or of other keys', async () => {
    const { keys, handovers } = await rotatedLog();
    const [first, second] = handovers;
    if (first === undefined || second === undefined) throw new Error('there are two handovers');
    const refused = (trusted: string | undefined, given: readonly KeyHandover[]) => {
      const found = read(trusted, given);
      return found.ok ? 'accepted' : found.reason;
    };
    expect(refused(keys[0], [second])).toBe('The trusted key is none of the keys handed over.');
    expect(refused(keys[0], [second, first])).toBe('Handover 2 does not begin with the key of the one before.');
    expect(refused(keys[0], [first, first])).toBe('Handover 2 does not begin with the key of the one before.');
    const other = new PaperLog();
    newRecord(other);
    await other.rotate(recordId(), 'of somebody else');
    expect(refused(other.verifierKey, [first, second])).toBe('The trusted key is none of the keys handed over.');
    expect(refused(keys[0], Array(33).fill(first))).toBe('There are more than 32 handovers.');
    // A chain that leads back to a key would give that key two periods.
    const back = new PaperLog();
    const there = await back.rotate(recordId(), 'second key');
    const again = await back.rotate(recordId(), 'the key of the paper log');
    expect(refused(keys[0], [there, again])).toBe('A key occurs twice among the keys.');
  });
});

describe('a bundle over a rotation', () => {
  async function overRotation() {
    const story = tellOrder();
    const before = story.log.verifierKey;
    const heldBefore = { note: await story.log.checkpoint(), size: story.log.leaves.length };
    const old = await story.bundle();
    const indices = old.records.slice(0, -1).map(({ index }) => Number(index));
    await story.log.rotate(recordId(), 'second key');
    const bundle = await story.log.bundle(old.transaction, recordId(), { indices, since: heldBefore });
    return { story, before, after: story.log.verifierKey, heldBefore, old, bundle };
  }
  const failures = (bundle: EvidenceBundle, trust: BundleTrust): readonly string[] =>
    verifyBundle(JSON.parse(JSON.stringify(bundle)), { trust })
      .steps.filter(({ ok }) => !ok)
      .map(({ step, code }) => `${step} ${code}`);
  const logKeyStep = (bundle: EvidenceBundle, trust: BundleTrust) =>
    verifyBundle(bundle, { trust }).steps.find(({ step }) => step === 'log-key');

  it('verifies under the old key and under the new one, and says how they are linked', async () => {
    const { before, after, bundle, heldBefore } = await overRotation();
    expect(bundle.format).toBe('countersign-evidence-bundle/3');
    expect(failures(bundle, { logVerifierKey: before, checkpoint: heldBefore.note })).toEqual([]);
    expect(failures(bundle, { logVerifierKey: after })).toEqual([]);
    expect(verifyBundle(bundle, { trust: { logVerifierKey: before } }).verdict).toBe('verified');
    expect(logKeyStep(bundle, { logVerifierKey: before })?.detail).toBe(
      `The log key of the bundle, ${after}, is linked to the one the reader trusts by 1 handover, each in the log and signed by both keys.`,
    );
  });

  it('fails under another key, without its handover, or if the handover is of another history', async () => {
    const { before, bundle } = await overRotation();
    const foreign = new PaperLog();
    await foreign.rotate(recordId(), 'foreign');
    expect(failures(bundle, { logVerifierKey: foreign.verifierKey })).toContain('log-key log_key_handover');
    const { handovers = [], ...rest } = bundle;
    expect(failures(rest as EvidenceBundle, { logVerifierKey: before })).toEqual(['bundle bundle_malformed']);
    const bare = { ...rest, format: 'countersign-evidence-bundle/2' } as const;
    expect(failures(bare, { logVerifierKey: before })).toEqual(
      expect.arrayContaining(['log-key log_key_mismatch', 'checkpoint checkpoint_signature']),
    );
    const unproven = { ...bundle, handovers: handovers.map((handover) => ({ ...handover, consistency: [] })) };
    expect(failures(unproven, { logVerifierKey: before })).toEqual(['log-key log_key_handover']);
    // A thief of both keys can sign a handover elsewhere, but the bundle's tree does not extend it.
    const fork = new PaperLog();
    newRecord(fork);
    const forged = await fork.rotate(recordId(), 'second key');
    const elsewhere = { ...bundle, handovers: handovers.map(({ consistency }) => ({ ...forged, consistency })) };
    expect(failures(elsewhere, { logVerifierKey: before })).toContain('log-key log_key_handover');
  });

  it('fails if the old key signed it after the handover', async () => {
    const { before, bundle, story } = await overRotation();
    // The same records, by a thief of the old key.
    const thief = story.log.fork((leaf) => leaf);
    const checkpoint = await thief.checkpoint();
    const late = { ...bundle, checkpoint, log: { ...bundle.log, verifierKey: before } };
    expect(failures(late, { logVerifierKey: before })).toContain('checkpoint checkpoint_signature');
  });

  it('does not change what an older bundle is worth', async () => {
    const { before, after, old, bundle } = await overRotation();
    expect(old.format).toBe('countersign-evidence-bundle/2');
    expect(failures(old, { logVerifierKey: before })).toEqual([]);
    expect(failures(old, { logVerifierKey: after })).toContain('log-key log_key_mismatch');
    // A reader who knows the new key alone brings the handovers that the log publishes.
    const handovers = (bundle.handovers ?? []).map(({ consistency: _, ...handover }) => handover);
    const parsed = parseTrust({ logVerifierKey: after, handovers });
    if (!parsed.ok) throw new Error(parsed.problem);
    expect(failures(old, parsed.trust)).toEqual([]);
    expect(logKeyStep(old, parsed.trust)).toMatchObject({ result: 'note', code: 'log_key_earlier' });
  });

  it('needs the cosignatures of the policy under the handover as well', async () => {
    const { before, after, bundle } = await overRotation();
    const witness = signingKey('witness.example/north', 'ed25519-cosignature');
    const cosigned = async (note: string): Promise<string> => {
      const parsed = parseNote(note);
      if (!parsed.ok) throw new Error(parsed.reason);
      const { text, signatures } = parsed.note;
      const line = await cosign({ text, timestamp: 1_800_000_000n, key: witness.key, sign: witness.sign });
      return formatNote({ text, signatures: [...signatures, line] });
    };
    const head = { ...bundle, checkpoint: await cosigned(bundle.checkpoint) };
    const whole = {
      ...head,
      handovers: await Promise.all(
        (bundle.handovers ?? []).map(async (each) => ({ ...each, checkpoint: await cosigned(each.checkpoint) })),
      ),
    };
    const policy = `log ${before}\nwitness north ${formatVerifierKey(witness.key)}\nquorum north\n`;
    expect(failures(whole, { policy })).toEqual([]);
    expect(failures(head, { policy })).toEqual(['witnesses witness_quorum_missing']);
    // The new key itself signed the handover: a reader who trusts it asks for no witness of how it came.
    expect(failures(head, { policy: policy.replace(before, after) })).toEqual([]);
    expect(parseTrust({ logVerifierKey: before, handovers: [{ checkpoint: 1 }] })).toMatchObject({ ok: false });
  });
});
