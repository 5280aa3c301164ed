import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatAddCheckpoint,
  formatSignature,
  maxTreeSize,
  parseAddCheckpoint,
  parseNote,
  parseSignatures,
} from './index.ts';

/** The example of tlog-witness. */
const example = `old 20852014
PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=
/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=

example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

\u2014 example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
\u2014 example.com/behind-the-sofa opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=
`;

const answer = `\u2014 witness.example/w1 CMp+6LWBU0anHGH5aNDTJkH/gj79sG+T6+iP2ThYN5krrDJbR1HDnucjL39QsZTSvVjyQLrdk3DXDqI5G2HgLatVs0pWh6Up69HVOw==
\u2014 witness.example/w1 I7rEps0pvK2UqkS2gSpVUDhrhVtQV9lgF6pRrWAvjJHjyWpW7VcE3SiOlVlbQNt64vWhO+DlkL0+UfzuOBMh9ChdMkP1vi/lCAsmlw==
\u2014 witness.example/w2 AWui8Sk55XjYLOijihBjhqEH6nS1ndDymE0a+6idX7pLcnoB+dhnz0854aLZgrrKbYKA7nC3HNJhm/kWl7oJlqU3rXXvpysAdyP3wQ==
`;

describe('a request to a witness', () => {
  it('is read and written as in the example of the specification', () => {
    const parsed = parseAddCheckpoint(example);
    if (!parsed.ok) throw new Error(parsed.reason);
    expect(parsed.request.oldSize).toBe(20_852_014n);
    expect(parsed.request.proof).toHaveLength(4);
    expect(parseNote(parsed.request.checkpoint).ok).toBe(true);
    expect(formatAddCheckpoint(parsed.request)).toBe(example);
  });

  it('has no proof if nothing was cosigned before', () => {
    const body = formatAddCheckpoint({ oldSize: 0n, proof: [], checkpoint: 'x' });
    expect(body).toBe('old 0\n\nx');
    expect(parseAddCheckpoint(body)).toEqual({ ok: true, request: { oldSize: 0n, proof: [], checkpoint: 'x' } });
  });

  it('goes up to 63 hashes and 2^64 - 1 entries', () => {
    const hash = Buffer.alloc(32, 1);
    const proof = Array.from({ length: 63 }, () => hash);
    expect(parseAddCheckpoint(formatAddCheckpoint({ oldSize: maxTreeSize, proof, checkpoint: 'x' })).ok).toBe(true);
    const code = { code: 'not_signable' };
    expect(() => formatAddCheckpoint({ oldSize: 1n, proof: [...proof, hash], checkpoint: 'x' })).toThrow(
      expect.objectContaining(code),
    );
    expect(() => formatAddCheckpoint({ oldSize: maxTreeSize + 1n, proof, checkpoint: 'x' })).toThrow(
      expect.objectContaining(code),
    );
    expect(() => formatAddCheckpoint({ oldSize: 1n, proof: [Buffer.alloc(0)], checkpoint: 'x' })).toThrow(
      expect.objectContaining(code),
    );
  });

  it.each([
    ['nothing', ''],
    ['no old size', '\n\nx'],
    ['another word', 'new 1\n\nx'],
    ['two spaces', 'old  1\n\nx'],
    ['a leading zero', 'old 01\n\nx'],
    ['a sign', 'old -1\n\nx'],
    ['a size of more than 64 bits', 'old 18446744073709551616\n\nx'],
    ['a carriage return', 'old 1\r\n\r\nx'],
    ['no empty line', 'old 1\nx'],
    ['no checkpoint', 'old 1\n\n'],
    ['a hash of 31 bytes', `old 1\n${Buffer.alloc(31).toString('base64')}\n\nx`],
    ['a hash in base64url', `old 1\n${Buffer.alloc(32, 255).toString('base64').replaceAll('/', '_')}\n\nx`],
    ['64 hashes', `old 1\n${`${Buffer.alloc(32).toString('base64')}\n`.repeat(64)}\nx`],
    ['what is no UTF-8', Buffer.concat([Buffer.from('old 1\n\n'), Buffer.of(0xff)])],
    ['too much', `old 1\n\n${'x'.repeat(1_048_577)}`],
  ])('with %s is refused', (_, body) => {
    expect(parseAddCheckpoint(body)).toEqual({ ok: false, reason: 'malformed_request' });
  });

  it('that can be read is written back to the same bytes, and reading never throws', () => {
    const line = fc.constantFrom('old 1', 'old 0', Buffer.alloc(32, 3).toString('base64'), '', 'x', '\u2014 a b');
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const body = lines.join('\n');
        const parsed = parseAddCheckpoint(body);
        if (parsed.ok) expect(formatAddCheckpoint(parsed.request)).toBe(body);
      }),
    );
  });
});

describe('the answer of a witness', () => {
  it('is read and written as in the example of the specification', () => {
    const signatures = parseSignatures(answer);
    expect(signatures?.map(({ name }) => name)).toEqual([
      'witness.example/w1',
      'witness.example/w1',
      'witness.example/w2',
    ]);
    expect(signatures?.map(formatSignature).join('')).toBe(answer);
  });

  it.each([
    ['nothing', ''],
    ['no newline at its end', answer.slice(0, -1)],
    ['an empty line', `${answer}\n`],
    ['a line that is not a signature', `${answer}hello\n`],
    ['a hyphen for the dash', answer.replace('\u2014', '-')],
    ['a note', `text\n\n${answer}`],
    ['a hundred and one lines', answer.split('\n')[0]?.concat('\n').repeat(101) ?? ''],
    ['what is no UTF-8', Buffer.concat([Buffer.from(answer), Buffer.of(0xff, 0x0a)])],
    ['too much', answer.repeat(10_000)],
  ])('with %s is refused', (_, text) => {
    expect(parseSignatures(text)).toBeUndefined();
  });
});
