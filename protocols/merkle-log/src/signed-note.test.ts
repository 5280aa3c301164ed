import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatNote, maxNoteSignatures, maxNoteSize, parseNote } from './index.ts';

const line = (name: string, bytes: Uint8Array) => `\u2014 ${name} ${Buffer.from(bytes).toString('base64')}\n`;
const signature = line('log.example', Buffer.from('0000000161626364', 'hex'));

const anyText = fc
  .array(fc.string({ unit: fc.constantFrom('a', 'è', '\n', ' ', '\u2014', '+', '\ufeff') }))
  .map((parts) => `${parts.join('\n')}\n`);
const anySignature = fc.record({
  name: fc.string({ unit: fc.constantFrom('a', 'è', '/', '.', '\u2014', '='), minLength: 1 }),
  keyId: fc.integer({ min: 0, max: 0xffffffff }),
  signature: fc.uint8Array({ minLength: 1, maxLength: 100 }).map((bytes) => Buffer.from(bytes)),
});

describe('signed note', () => {
  it('is split at its last empty line', () => {
    const parsed = parseNote(`first\n\nsecond\n\n${signature}`);
    expect(parsed).toEqual({
      ok: true,
      note: {
        text: 'first\n\nsecond\n',
        signatures: [{ name: 'log.example', keyId: 1, signature: Buffer.from('abcd') }],
      },
    });
  });

  it('is read back unchanged, as text and as bytes', () => {
    fc.assert(
      fc.property(anyText, fc.array(anySignature, { minLength: 1, maxLength: 20 }), (text, signatures) => {
        const note = { text, signatures };
        const content = formatNote(note);
        expect(parseNote(content)).toEqual({ ok: true, note });
        expect(parseNote(Buffer.from(content))).toEqual({ ok: true, note });
      }),
    );
  });

  it('accepts 16 signatures of post-quantum size, and as many as its limit', () => {
    const large = line('pq.example', Buffer.alloc(4 + 4627, 1));
    expect(parseNote(`text\n\n${large.repeat(16)}`).ok).toBe(true);
    expect(parseNote(`text\n\n${signature.repeat(maxNoteSignatures)}`).ok).toBe(true);
    expect(parseNote(`text\n\n${signature.repeat(maxNoteSignatures + 1)}`)).toEqual({
      ok: false,
      reason: 'too_many_signatures',
    });
  });

  it('is refused if it is too large, before any other check', () => {
    expect(parseNote(Buffer.alloc(maxNoteSize + 1, 0xff))).toEqual({ ok: false, reason: 'too_large' });
    expect(parseNote('é'.repeat(maxNoteSize / 2 + 1))).toEqual({ ok: false, reason: 'too_large' });
  });

  it('is refused when it is not well-formed UTF-8', () => {
    for (const bad of ['ff', 'c080', 'eda080', 'f4908080', 'e28094'.slice(0, 4)]) {
      const bytes = Buffer.concat([Buffer.from(bad, 'hex'), Buffer.from(`\n\n${signature}`)]);
      expect(parseNote(bytes), bad).toEqual({ ok: false, reason: 'not_utf8' });
    }
    expect(parseNote(`\ud800\n\n${signature}`)).toEqual({ ok: false, reason: 'not_utf8' });
  });

  it('is refused for any control character but a newline', () => {
    for (let code = 0; code < 0x20; code++) {
      if (code === 0x0a) continue;
      const character = String.fromCharCode(code);
      for (const content of [`te${character}xt\n\n${signature}`, `text\n\n${signature}${character}`])
        expect(parseNote(content)).toEqual({ ok: false, reason: 'control_character' });
    }
  });

  it('is refused without signatures', () => {
    for (const content of ['', '\n', 'text', 'text\n', `text\n${signature}`, 'text\n\n'])
      expect(parseNote(content)).toEqual({ ok: false, reason: 'no_signatures' });
  });

  it('is refused if any signature line is malformed', () => {
    const encoded = Buffer.alloc(68, 1).toString('base64');
    const lines = [
      signature.slice(0, -1),
      `\u2013 name ${encoded}\n`,
      `- name ${encoded}\n`,
      `\u2014  name ${encoded}\n`,
      `\u2014 name  ${encoded}\n`,
      `\u2014 name ${encoded} \n`,
      `\u2014 ${encoded}\n`,
      `\u2014 na+me ${encoded}\n`,
      `\u2014 na\u00a0me ${encoded}\n`,
      `\u2014 na\u0085me ${encoded}\n`,
      `\u2014 name ${encoded.slice(0, -1)}\n`,
      `\u2014 name ${encoded.replaceAll('A', '-')}\n`,
      // The same bytes in a second spelling: trailing bits that are not zero.
      `\u2014 name ${encoded.replace(/.=$/, 'R=')}\n`,
      line('name', Buffer.alloc(4)),
      line('name', Buffer.alloc(9300)),
      'anything\n',
    ];
    for (const bad of lines) {
      expect(parseNote(`text\n\n${bad}`), bad.slice(0, 40)).toEqual({ ok: false, reason: 'malformed_signature' });
      expect(parseNote(`text\n\n${signature}${bad}`), bad.slice(0, 40)).toEqual({
        ok: false,
        reason: 'malformed_signature',
      });
    }
  });

  it('has one reading: whatever is parsed is written the same', () => {
    const pieces = fc.constantFrom('text', '\n', '\n\n', signature, '\u2014 ', 'AAAAAAE=', '\ufeff', ' ', '\r');
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(pieces).map((parts) => parts.join('')),
        ),
        (content) => {
          const parsed = parseNote(content);
          if (parsed.ok) expect(formatNote(parsed.note)).toBe(content);
        },
      ),
      { numRuns: 1000 },
    );
  });

  it('is not written if it would not be read', () => {
    const good = { name: 'a', keyId: 1, signature: Buffer.alloc(64) };
    const notes = [
      { text: 'no newline', signatures: [good] },
      { text: 'tab\t\n', signatures: [good] },
      { text: 'text\n', signatures: [] },
      { text: 'text\n', signatures: [{ ...good, name: 'a b' }] },
      { text: 'text\n', signatures: [{ ...good, name: 'a\n\n\u2014 b' }] },
      { text: 'text\n', signatures: [{ ...good, signature: Buffer.alloc(0) }] },
      { text: 'text\n', signatures: [{ ...good, signature: Buffer.alloc(9300) }] },
      { text: 'text\n', signatures: Array.from({ length: maxNoteSignatures + 1 }, () => good) },
    ];
    for (const note of notes)
      expect(() => formatNote(note)).toThrow(expect.toSatisfy((error) => isCodedError(error, 'not_signable')));
  });
});
