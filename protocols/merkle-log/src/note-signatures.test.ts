import { createPrivateKey, sign } from 'node:crypto';
import { isCodedError, sha256 } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cosign,
  createVerifierKey,
  formatNote,
  type Note,
  parseNote,
  parseVerifierKey,
  signNote,
  type VerifierKey,
  verifyNote,
} from './index.ts';
import { signingKey } from './testing/signing-key.ts';

const log = signingKey('log.example/a');
const witness = signingKey('witness.example/w', 'ed25519-cosignature');
const stranger = signingKey('stranger.example');
const text = 'log.example/a\n3\nrra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc=\n';

function read(content: string): Note {
  const parsed = parseNote(content);
  if (!parsed.ok) throw new Error(parsed.reason);
  return parsed.note;
}

async function signedBy(...signers: (typeof log)[]): Promise<Note> {
  const notes = await Promise.all(signers.map(async (signer) => read(await signNote({ text, ...signer }))));
  return { text, signatures: notes.flatMap((note) => note.signatures) };
}

describe('note signatures', () => {
  it('verify on the example of the specification', () => {
    const parsed = parseVerifierKey('example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k');
    const note = read(
      'This is an example message.\n\n\u2014 example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n',
    );
    const keys = parsed.ok ? [parsed.key] : [];
    expect(verifyNote({ note, keys })).toEqual({ ok: true, signatures: [{ key: keys[0], timestamp: undefined }] });
    expect(verifyNote({ note: { ...note, text: 'This is another message.\n' }, keys })).toEqual({
      ok: false,
      reason: 'bad_signature',
    });
  });

  it('verify for the signed text and key, and for no flipped bit', async () => {
    const note = await signedBy(log);
    const [line] = note.signatures;
    expect(verifyNote({ note, keys: [log.key] })).toEqual({
      ok: true,
      signatures: [{ key: log.key, timestamp: undefined }],
    });
    fc.assert(
      fc.property(fc.nat(64 * 8 - 1), (bit) => {
        const signature = Buffer.from(line?.signature ?? []);
        signature.writeUInt8(signature.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
        const forged = { text, signatures: [{ name: log.key.name, keyId: log.key.keyId, signature }] };
        expect(verifyNote({ note: forged, keys: [log.key] })).toEqual({ ok: false, reason: 'bad_signature' });
      }),
      { numRuns: 40 },
    );
  });

  it('by unknown keys are skipped, even under a known name or a known id', async () => {
    const signed = await signedBy(log);
    const bogus = Buffer.alloc(64, 7);
    const note = {
      text,
      signatures: [
        { name: log.key.name, keyId: log.key.keyId ^ 1, signature: bogus },
        { name: 'other.example', keyId: log.key.keyId, signature: bogus },
        ...(await signedBy(stranger)).signatures,
        ...signed.signatures,
      ],
    };
    expect(verifyNote({ note, keys: [log.key] })).toEqual({
      ok: true,
      signatures: [{ key: log.key, timestamp: undefined }],
    });
  });

  it('by unknown keys only are insufficient', async () => {
    expect(verifyNote({ note: await signedBy(stranger), keys: [log.key] })).toEqual({
      ok: false,
      reason: 'no_known_key',
    });
    expect(verifyNote({ note: await signedBy(log), keys: [] })).toEqual({ ok: false, reason: 'no_known_key' });
  });

  it('that name a known key and do not verify invalidate the note, whoever else signed it', async () => {
    const signed = await signedBy(log, stranger);
    const bad = { name: stranger.key.name, keyId: stranger.key.keyId, signature: Buffer.alloc(64) };
    for (const signatures of [
      [bad, ...signed.signatures],
      [...signed.signatures, bad],
      [...signed.signatures, { ...bad, signature: Buffer.alloc(1) }],
    ])
      expect(verifyNote({ note: { text, signatures }, keys: [log.key, stranger.key] })).toEqual({
        ok: false,
        reason: 'bad_signature',
      });
  });

  it('count a key once, however often it signed or is trusted', async () => {
    const note = await signedBy(log, log, log);
    const verdict = verifyNote({ note, keys: [log.key, { ...log.key }] });
    expect(verdict.ok && verdict.signatures).toHaveLength(1);
  });

  it('are released only if the key verifies them', async () => {
    const answers = [stranger.sign, async () => Buffer.alloc(64), async () => Buffer.alloc(0)];
    for (const wrong of answers) {
      await expect(signNote({ text, key: log.key, sign: wrong })).rejects.toSatisfy((e) =>
        isCodedError(e, 'signer_failed'),
      );
      await expect(cosign({ text, timestamp: 1n, key: witness.key, sign: wrong })).rejects.toSatisfy((e) =>
        isCodedError(e, 'signer_failed'),
      );
    }
  });

  it('are not made on text that a note cannot carry', async () => {
    for (const bad of ['', 'no newline', 'tab\t\n', 'return\r\n', '\ud800\n'])
      await expect(signNote({ text: bad, ...log })).rejects.toSatisfy((e) => isCodedError(e, 'not_signable'));
  });

  it('are not made with a key of the wrong kind', async () => {
    await expect(signNote({ text, ...witness })).rejects.toSatisfy((e) => isCodedError(e, 'not_signable'));
    await expect(cosign({ text, timestamp: 1n, ...log })).rejects.toSatisfy((e) => isCodedError(e, 'not_signable'));
  });
});

describe('cosignatures', () => {
  it('of another implementation verify (github.com/transparency-dev/formats v0.1.1)', () => {
    // It publishes its key as one for plain signatures: the same 32 bytes under type 0x04.
    const published = parseVerifierKey('witness.example/go+21fa35d1+AdMFOp4o5nrKGJjQaS1GQxRo0aiAw9zltF4DXKP/HCEh');
    if (!published.ok) throw new Error(published.reason);
    const key = createVerifierKey({ ...published.key, type: 'ed25519-cosignature' });
    const note = read(
      `${text}\n\u2014 witness.example/go B28iAwAAAABrAh4FWZZi980qeqRbwYWyg/L5dWyAAjHybJjcDA2O84GA80jyEXnd1t6X/4dKSH3lDzlP2ozd2wE8HaYf0aImz0Q7AA==\n`,
    );
    expect(verifyNote({ note, keys: [key] })).toEqual({ ok: true, signatures: [{ key, timestamp: 1_795_300_869n }] });
  });

  it('verify and return the time they state', async () => {
    const cosignature = await cosign({ text, timestamp: 1679315147n, ...witness });
    const note = read(formatNote({ text, signatures: [...(await signedBy(log)).signatures, cosignature] }));
    expect(verifyNote({ note, keys: [witness.key, log.key] })).toEqual({
      ok: true,
      signatures: [
        { key: log.key, timestamp: undefined },
        { key: witness.key, timestamp: 1679315147n },
      ],
    });
  });

  it('are over the header, the time and the text, after a big-endian timestamp', async () => {
    const { signature } = await cosign({ text, timestamp: 1679315147n, ...witness });
    const message = `cosignature/v1\ntime 1679315147\n${text}`;
    const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256('witness.example/w')]);
    const expected = sign(null, Buffer.from(message), createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }));
    expect(Buffer.from(signature).toString('hex')).toBe(`00000000641850cb${expected.toString('hex')}`);
  });

  it('do not verify with another time, nor as a plain signature of the same key', async () => {
    const cosignature = await cosign({ text, timestamp: 5n, ...witness });
    const later = Buffer.from(cosignature.signature);
    later.writeBigUInt64BE(6n);
    const keys = [witness.key];
    expect(verifyNote({ note: { text, signatures: [{ ...cosignature, signature: later }] }, keys }).ok).toBe(false);
    const plain: VerifierKey = signingKey(witness.key.name).key;
    const relabelled = { ...cosignature, keyId: plain.keyId, signature: cosignature.signature.subarray(8) };
    expect(verifyNote({ note: { text, signatures: [relabelled] }, keys: [plain] })).toEqual({
      ok: false,
      reason: 'bad_signature',
    });
  });

  it('are refused with a time above 2^63 - 1, and none is made', async () => {
    await expect(cosign({ text, timestamp: 2n ** 63n, ...witness })).rejects.toSatisfy((e) =>
      isCodedError(e, 'not_signable'),
    );
    await expect(cosign({ text, timestamp: -1n, ...witness })).rejects.toSatisfy((e) =>
      isCodedError(e, 'not_signable'),
    );
    const signature = await witness.sign(Buffer.from(`cosignature/v1\ntime ${2n ** 63n}\n${text}`));
    const line = {
      name: witness.key.name,
      keyId: witness.key.keyId,
      signature: Buffer.concat([Buffer.from('8000000000000000', 'hex'), signature]),
    };
    expect(verifyNote({ note: { text, signatures: [line] }, keys: [witness.key] })).toEqual({
      ok: false,
      reason: 'bad_signature',
    });
  });

  it('are refused when truncated', async () => {
    const cosignature = await cosign({ text, timestamp: 5n, ...witness });
    for (let length = 1; length < cosignature.signature.length; length += 7) {
      const line = { ...cosignature, signature: cosignature.signature.subarray(0, length) };
      expect(verifyNote({ note: { text, signatures: [line] }, keys: [witness.key] })).toEqual({
        ok: false,
        reason: 'bad_signature',
      });
    }
  });
});
