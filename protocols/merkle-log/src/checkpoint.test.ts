import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cosign,
  emptyRoot,
  formatCheckpoint,
  formatNote,
  maxTreeSize,
  parseCheckpoint,
  parseNote,
  signCheckpoint,
  verifyCheckpoint,
} from './index.ts';
import { signingKey } from './testing/signing-key.ts';

const origin = 'log.example/a';
const log = signingKey(origin);
const witness = signingKey('witness.example/w', 'ed25519-cosignature');
const checkpoint = { origin, size: 3n, root: Buffer.alloc(32, 5), extensions: [] };

async function cosigned(signedNote: string): Promise<string> {
  const parsed = parseNote(signedNote);
  if (!parsed.ok) throw new Error(parsed.reason);
  const cosignature = await cosign({ text: parsed.note.text, timestamp: 77n, ...witness });
  return formatNote({ ...parsed.note, signatures: [...parsed.note.signatures, cosignature] });
}

describe('checkpoint text', () => {
  it('is origin, size and root, each on a line', () => {
    expect(formatCheckpoint({ origin, size: 0n, root: emptyRoot() })).toBe(
      'log.example/a\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n',
    );
  });

  it('reads the example of the specification', () => {
    const text = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
    const parsed = parseCheckpoint(text);
    expect(parsed.ok && parsed.checkpoint).toMatchObject({ origin: 'example.com/behind-the-sofa', size: 20852163n });
    expect(parsed.ok && formatCheckpoint(parsed.checkpoint)).toBe(text);
  });

  it('is read back as it was written, with extension lines and any size', () => {
    const line = fc.string({ unit: fc.constantFrom('a', 'é', ' ', '+', '0'), minLength: 1 });
    fc.assert(
      fc.property(
        fc.record({
          origin: line,
          size: fc.bigInt({ min: 0n, max: maxTreeSize }),
          root: fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
          extensions: fc.array(line, { maxLength: 4 }),
        }),
        (written) => {
          expect(parseCheckpoint(formatCheckpoint(written))).toEqual({ ok: true, checkpoint: written });
        },
      ),
    );
  });

  it('is refused if a line is missing, empty or in a second spelling', () => {
    const root = Buffer.alloc(32, 5).toString('base64');
    const refused = [
      '',
      '\n',
      'log\n',
      'log\n3\n',
      `log\n3\n${root}`,
      `\n3\n${root}\n`,
      `log\n\n${root}\n`,
      `log\n03\n${root}\n`,
      `log\n+3\n${root}\n`,
      `log\n-3\n${root}\n`,
      `log\n3.0\n${root}\n`,
      `log\n0x3\n${root}\n`,
      `log\n 3\n${root}\n`,
      `log\n٣\n${root}\n`,
      `log\n18446744073709551616\n${root}\n`,
      `log\n${'9'.repeat(100_000)}\n${root}\n`,
      `log\n3\n${root.slice(0, -1)}\n`,
      `log\n3\n${root.replace(/.=$/, 'V=')}\n`,
      `log\n3\n${root.replaceAll('/', '_')} \n`,
      `log\n3\n${Buffer.alloc(31).toString('base64')}\n`,
      `log\n3\n${Buffer.alloc(33).toString('base64')}\n`,
      `log\n3\n${root}\n\n`,
      `log\n3\n${root}\next\n\next\n`,
      `log\r\n3\n${root}\n`,
    ];
    for (const text of refused)
      expect(parseCheckpoint(text), text.slice(0, 60)).toEqual({ ok: false, reason: 'malformed_checkpoint' });
  });

  it('is not written for an invalid checkpoint', () => {
    for (const fields of [
      { origin: '' },
      { origin: 'a\nb' },
      { origin: 'a\tb' },
      { size: -1n },
      { size: maxTreeSize + 1n },
      { root: Buffer.alloc(31) },
      { extensions: [''] },
      { extensions: ['a\n'] },
    ])
      expect(() => formatCheckpoint({ ...checkpoint, ...fields })).toThrow(
        expect.toSatisfy((e) => isCodedError(e, 'not_signable')),
      );
  });
});

describe('signed checkpoint', () => {
  it('verifies with the log key and returns the known witnesses', async () => {
    const signedNote = await cosigned(await signCheckpoint({ checkpoint, ...log }));
    const trust = { origin, logKeys: [log.key] };
    expect(verifyCheckpoint({ signedNote, ...trust })).toMatchObject({ ok: true, checkpoint, cosignatures: [] });
    expect(
      verifyCheckpoint({ signedNote: Buffer.from(signedNote), ...trust, witnessKeys: [witness.key] }),
    ).toMatchObject({
      ok: true,
      checkpoint,
      cosignatures: [{ key: witness.key, timestamp: 77n }],
    });
  });

  it('is refused without the log: a witness does not replace it', async () => {
    const text = formatCheckpoint(checkpoint);
    const signedNote = formatNote({ text, signatures: [await cosign({ text, timestamp: 77n, ...witness })] });
    const verdict = verifyCheckpoint({ signedNote, origin, logKeys: [log.key], witnessKeys: [witness.key] });
    expect(verdict).toEqual({ ok: false, reason: 'no_log_signature' });
  });

  it('is refused if the key given for the log is one of a witness, even under the name of the log', async () => {
    const namesake = signingKey(origin, 'ed25519-cosignature');
    const text = formatCheckpoint(checkpoint);
    const signedNote = formatNote({ text, signatures: [await cosign({ text, timestamp: 77n, ...namesake })] });
    const verdict = verifyCheckpoint({ signedNote, origin, logKeys: [namesake.key] });
    expect(verdict).toEqual({ ok: false, reason: 'no_log_signature' });
  });

  it('is refused if a known witness signed different text', async () => {
    const other = formatCheckpoint({ ...checkpoint, size: 4n });
    const parsed = parseNote(await signCheckpoint({ checkpoint, ...log }));
    if (!parsed.ok) throw new Error(parsed.reason);
    const signatures = [...parsed.note.signatures, await cosign({ text: other, timestamp: 77n, ...witness })];
    const signedNote = formatNote({ ...parsed.note, signatures });
    const verdict = verifyCheckpoint({ signedNote, origin, logKeys: [log.key], witnessKeys: [witness.key] });
    expect(verdict).toEqual({ ok: false, reason: 'bad_signature' });
    expect(verifyCheckpoint({ signedNote, origin, logKeys: [log.key] }).ok).toBe(true);
  });

  it('is refused for another origin, by the same key', async () => {
    const signedNote = await signCheckpoint({ checkpoint: { ...checkpoint, origin: 'log.example/b' }, ...log });
    expect(verifyCheckpoint({ signedNote, origin, logKeys: [log.key] })).toEqual({ ok: false, reason: 'other_origin' });
  });

  it('is refused after any change', async () => {
    const signedNote = await signCheckpoint({ checkpoint, ...log });
    expect(verifyCheckpoint({ signedNote: signedNote.replace('\n3\n', '\n4\n'), origin, logKeys: [log.key] })).toEqual({
      ok: false,
      reason: 'bad_signature',
    });
    expect(verifyCheckpoint({ signedNote: `x${signedNote}`, origin, logKeys: [log.key] }).ok).toBe(false);
    expect(verifyCheckpoint({ signedNote: signedNote.slice(0, -1), origin, logKeys: [log.key] }).ok).toBe(false);
  });
});
