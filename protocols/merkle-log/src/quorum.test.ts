import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cosign,
  formatNote,
  formatVerifierKey,
  meetsQuorum,
  parseNote,
  parsePolicy,
  signCheckpoint,
  type TlogPolicy,
  verifyByPolicy,
} from './index.ts';
import { signingKey } from './testing/signing-key.ts';

const origin = 'log.example/one';
const log = signingKey(origin);
const names = ['X1', 'X2', 'X3', 'Y1', 'Y2'];
const witnesses = new Map(names.map((name) => [name, signingKey(`${name}.example`, 'ed25519-cosignature')]));
const checkpoint = { origin, size: 7n, root: Buffer.alloc(32, 7) };

function policyOf(rules: string, logs = `log ${formatVerifierKey(log.key)}\n`): TlogPolicy {
  const lines = [...witnesses].map(([name, { key }]) => `witness ${name} ${formatVerifierKey(key)}\n`);
  const parsed = parsePolicy(`${logs}${lines.join('')}${rules}`);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.policy;
}
const twoGroups = policyOf('group X 2 X1 X2 X3\ngroup Y any Y1 Y2\ngroup both all X Y\nquorum both\n');

async function cosigned(by: readonly string[], signedNote?: string): Promise<string> {
  const note = signedNote ?? (await signCheckpoint({ checkpoint, ...log }));
  const parsed = parseNote(note);
  if (!parsed.ok) throw new Error(parsed.reason);
  const signatures = [...parsed.note.signatures];
  for (const name of by) {
    const signer = witnesses.get(name);
    if (signer === undefined) throw new Error(name);
    signatures.push(await cosign({ text: parsed.note.text, timestamp: 1_795_000_000n, ...signer }));
  }
  return formatNote({ text: parsed.note.text, signatures });
}

describe('a quorum', () => {
  it('follows the groups, for every choice of cosigners', () => {
    fc.assert(
      fc.property(fc.subarray(names), (chosen) => {
        const keys = chosen.flatMap((name) => witnesses.get(name)?.key ?? []);
        const enough =
          chosen.filter((name) => name.startsWith('X')).length >= 2 && chosen.some((name) => name.startsWith('Y'));
        expect(meetsQuorum(twoGroups.quorum, keys)).toBe(enough);
      }),
    );
  });

  it('counts a witness once, however often it signed', () => {
    const key = witnesses.get('X1')?.key;
    if (key === undefined) throw new Error('no key');
    expect(meetsQuorum(policyOf('group X 2 X1 X2 X3\nquorum X\n').quorum, [key, key, key])).toBe(false);
  });

  it('of none is met without any witness', () => {
    expect(meetsQuorum(policyOf('quorum none\n').quorum, [])).toBe(true);
  });
});

describe('a checkpoint under a policy', () => {
  it('is accepted with the log and the quorum', async () => {
    const verdict = verifyByPolicy({ signedNote: await cosigned(['X1', 'X3', 'Y2']), policy: twoGroups });
    expect(verdict).toMatchObject({ ok: true, checkpoint: { size: 7n } });
    expect(verdict.ok && verdict.cosignatures.map(({ timestamp }) => timestamp)).toEqual(Array(3).fill(1_795_000_000n));
  });

  it('is refused with too few cosigners, or a repeated one', async () => {
    for (const by of [[], ['X1', 'X2'], ['X1', 'Y1'], ['X1', 'X1', 'Y1']])
      expect(verifyByPolicy({ signedNote: await cosigned(by), policy: twoGroups })).toEqual({
        ok: false,
        reason: 'quorum_not_met',
      });
  });

  it('is refused if a cosignature of a known witness is forged, even if the others suffice', async () => {
    const good = await cosigned(['X1', 'X3', 'Y2', 'X2']);
    const forged = good.replace(/\S{8}==?\n$|\S{8}\n$/, (end) => `${end.startsWith('A') ? 'B' : 'A'}${end.slice(1)}`);
    expect(forged).not.toBe(good);
    expect(verifyByPolicy({ signedNote: forged, policy: twoGroups })).toEqual({ ok: false, reason: 'bad_signature' });
  });

  it('is refused if witnesses signed it and the log did not', async () => {
    const onlyWitnesses = (await cosigned(['X1', 'X2', 'Y1'])).replace(/\u2014 log\.example\S* \S+\n/, '');
    expect(verifyByPolicy({ signedNote: onlyWitnesses, policy: twoGroups })).toEqual({
      ok: false,
      reason: 'no_log_signature',
    });
  });

  it('is refused for a log that the policy does not list, even with a listed key under another origin', async () => {
    const stranger = signingKey('log.example/other');
    const note = await signCheckpoint({ checkpoint: { ...checkpoint, origin: 'log.example/other' }, ...stranger });
    expect(verifyByPolicy({ signedNote: note, policy: twoGroups })).toEqual({ ok: false, reason: 'unknown_log' });
    const borrowed = await signCheckpoint({ checkpoint: { ...checkpoint, origin: 'log.example/other' }, ...log });
    expect(verifyByPolicy({ signedNote: borrowed, policy: twoGroups })).toEqual({ ok: false, reason: 'unknown_log' });
  });

  it('of a log trusted separately can be checked against a policy that lists no log', async () => {
    const policy = policyOf('quorum Y1\n', '');
    const signedNote = await cosigned(['Y1']);
    expect(verifyByPolicy({ signedNote, policy, logKeys: [log.key] }).ok).toBe(true);
    expect(verifyByPolicy({ signedNote, policy })).toEqual({ ok: false, reason: 'unknown_log' });
  });

  it('that is invalid is refused with the reason', () => {
    expect(verifyByPolicy({ signedNote: 'nothing', policy: twoGroups })).toEqual({
      ok: false,
      reason: 'no_signatures',
    });
    expect(
      verifyByPolicy({ signedNote: `only\ntext\n\n\u2014 log.example/one AAAAAAA=\n`, policy: twoGroups }),
    ).toEqual({ ok: false, reason: 'malformed_checkpoint' });
  });
});
