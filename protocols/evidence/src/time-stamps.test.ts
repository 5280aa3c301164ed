import { newId, type RecordId, sha256 } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { issueCertificate, issueToken } from '../../x509/src/testing/test-authority.ts';
import { type BundledTimeStamp, type BundleTrust, verifyBundle } from './index.ts';
import { type Plot, tellOrder } from './testing/order-story.ts';

const authority = issueCertificate();
const elsewhere = issueCertificate();
/** The story starts at 09:30:00, one record per second. */
const storyTime = (second: number): number => Date.parse('2026-11-21T09:30:00Z') + second * 1000;
const stampId = newId('record', { clock: { now: () => 11 }, random: { bytes: (size) => Buffer.alloc(size, 11) } });

const tokenOver = (digest: Uint8Array, at: number, by = authority): Buffer =>
  Buffer.from(issueToken(by, { info: { imprint: { hash: 'sha256', digest }, at, accuracyMicroseconds: 500_000 } }));

async function tellStamped(options: { size?: number; at?: number; change?: (stamp: BundledTimeStamp) => object } = {}) {
  const { size = 5, at = storyTime(10), change = () => ({}) } = options;
  const story = tellOrder();
  const checkpoint = await story.log.checkpoint(size);
  const bundle = await story.bundle();
  const token = tokenOver(sha256(checkpoint), at).toString('base64url');
  const stamp = { checkpoint, token, proof: await story.log.consistencyFrom(size) };
  const stamped = { ...bundle, timeStamps: [{ ...stamp, ...change(stamp) }] };
  const ask = (trust: BundleTrust = {}) => {
    const verification = verifyBundle(stamped, {
      trust: { logVerifierKey: story.log.verifierKey, timeStampAuthorities: [authority.certificate], ...trust },
    });
    return {
      verification,
      told: verification.steps.flatMap(({ ok, code, record }) =>
        code === undefined ? [] : [`${ok ? 'note' : 'fail'} ${code}${record === undefined ? '' : ` ${record}`}`],
      ),
      detail: verification.steps.find(({ step }) => step === 'time-stamps')?.detail,
    };
  };
  return { story, bundle, ask };
}

describe('a time stamp over a checkpoint', () => {
  it('shows when everything below it existed', async () => {
    const { ask } = await tellStamped();
    expect(ask()).toMatchObject({
      verification: { verdict: 'verified' },
      told: [],
      detail: '5 records shown to have existed at 2026-11-21T09:30:10Z.',
    });
  });

  it('is self-certified if the reader trusts no authority', async () => {
    const { ask } = await tellStamped();
    const asked = ask({ timeStampAuthorities: [] });
    expect(asked.told).toEqual(['note timestamp_unanchored']);
    expect(asked.verification.verdict).toBe('verified');
  });

  it('by an untrusted authority is refused', async () => {
    const { ask } = await tellStamped();
    expect(ask({ timeStampAuthorities: [elsewhere.certificate] }).told).toEqual(['fail timestamp_untrusted']);
  });

  it('is refused if a trusted certificate is invalid', async () => {
    const { ask } = await tellStamped();
    expect(ask({ timeStampAuthorities: [Buffer.from('no certificate')] }).told).toEqual(['fail timestamp_untrusted']);
  });

  it.each<[string, (stamp: BundledTimeStamp) => object, string]>([
    [
      'over another note',
      () => ({ token: tokenOver(sha256('other'), storyTime(10)).toString('base64url') }),
      'timestamp_invalid',
    ],
    ['that is no token', () => ({ token: 'MAA' }), 'timestamp_invalid'],
    ['with a byte changed', ({ token }) => ({ token: flipped(token) }), 'timestamp_invalid'],
    ['without the proof of growth', () => ({ proof: [] }), 'log_rewritten'],
    [
      'over a checkpoint that the log did not sign',
      ({ checkpoint }) => ({ checkpoint: checkpoint.replace('\n5\n', '\n6\n') }),
      'checkpoint_signature',
    ],
  ])('%s is refused', async (_, change, code) => {
    const { ask } = await tellStamped({ change });
    expect(ask().told).toEqual([`fail ${code}`]);
    expect(ask({ timeStampAuthorities: [] }).told).toEqual([`fail ${code}`]);
  });

  it('exposes records that claim a later time than the stamp, within the clock tolerances', async () => {
    // Records 0 to 4 have the seconds 0 to 4; the authority states 2.4, give or take 0.5, and the log gets a tolerance of 1.
    const { story, ask } = await tellStamped({ at: storyTime(0) + 2_400 });
    expect(ask().told).toEqual([`fail timestamp_contradicted ${story.ids.opened}`]);
    expect((await tellStamped({ at: storyTime(0) + 2_500 })).ask().told).toEqual([]);
  });

  it('of a log that was rewritten since does not match this one', async () => {
    const { story, bundle } = await tellStamped();
    const fork = story.log.fork((leaf, index) =>
      index === 1 ? Buffer.from(leaf.toString().replace('{"v":1', '{ "v":1')) : leaf,
    );
    const checkpoint = await fork.checkpoint(5);
    const timeStamps = [
      {
        checkpoint,
        token: tokenOver(sha256(checkpoint), storyTime(10)).toString('base64url'),
        proof: await story.log.consistencyFrom(5),
      },
    ];
    const codes = verifyBundle({ ...bundle, timeStamps })
      .steps.filter(({ ok }) => !ok)
      .map(({ code }) => code);
    expect(codes).toEqual(['log_rewritten']);
  });
});

describe('a time stamp over a record', () => {
  async function addRecordStamp(change: (thing: { record: string; leafHash: string }) => object, at = storyTime(10)) {
    const plot: Plot = {
      before(name, log, ids) {
        if (name !== 'settled') return;
        const index = log.leaves.findIndex((leaf) => leaf.includes(`"id":"${ids['opened']}"`));
        const digest = log.leafHash(index);
        const thing = { record: ids['opened'] as RecordId, leafHash: digest.toString('base64url') };
        log.add({
          id: stampId,
          type: 'timestamp.obtained',
          references: [thing.record],
          data: {
            thing: { kind: 'record', ...thing, ...change(thing) },
            token: tokenOver(digest, at).toString('base64url'),
          },
        });
      },
    };
    const story = tellOrder(plot);
    const verification = verifyBundle(await story.bundle(), {
      trust: { logVerifierKey: story.log.verifierKey, timeStampAuthorities: [authority.certificate] },
    });
    return {
      story,
      detail: verification.steps.find(({ step }) => step === 'time-stamps')?.detail,
      told: verification.steps.filter(({ ok }) => !ok).map(({ code, record }) => `${code} ${record}`),
    };
  }

  it('shows when that record existed', async () => {
    expect(await addRecordStamp(() => ({}))).toMatchObject({
      told: [],
      detail: '1 record shown to have existed at 2026-11-21T09:30:10Z.',
    });
  });

  it('is refused for another record, or one that is not in the bundle', async () => {
    const absent = newId('record', { clock: { now: () => 12 }, random: { bytes: (size) => Buffer.alloc(size, 12) } });
    for (const change of [{ leafHash: 'A'.repeat(43) }, { record: absent }])
      expect((await addRecordStamp(() => change)).told).toEqual([`timestamp_invalid ${stampId}`]);
  });

  it('is contradicted by a record that claims a later time', async () => {
    const { story, told } = await addRecordStamp(() => ({}), storyTime(0));
    expect(told).toEqual([`timestamp_contradicted ${story.ids.opened}`]);
  });
});

function flipped(token: string): string {
  const octets = Buffer.from(token, 'base64url');
  const at = octets.length - 9;
  octets[at] = (octets[at] ?? 0) ^ 1;
  return octets.toString('base64url');
}
