import { isCodedError } from '@countersign/kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  formatTlogProof,
  maxTreeSize,
  parseTlogProof,
  signCheckpoint,
  type TlogProof,
  verifyTlogProof,
} from './index.ts';
import { distinctLeaves, naivePath, naiveRoot } from './testing/naive-tree.ts';
import { signingKey } from './testing/signing-key.ts';

const origin = 'log.example/a';
const log = signingKey(origin);
const leaves = distinctLeaves(11);
const leafHash = leaves[6] ?? Buffer.alloc(0);
const trust = { origin, logKeys: [log.key] };

async function proofOfSix(): Promise<TlogProof> {
  const checkpoint = await signCheckpoint({ checkpoint: { origin, size: 11n, root: naiveRoot(leaves) }, ...log });
  return { index: 6n, hashes: naivePath(6, leaves), checkpoint, extra: Buffer.from('salt') };
}

describe('proof file', () => {
  it('proves offline that an entry is in the log', async () => {
    const verdict = verifyTlogProof({ file: formatTlogProof(await proofOfSix()), leafHash, ...trust });
    expect(verdict).toMatchObject({ ok: true, index: 6n, checkpoint: { origin, size: 11n }, cosignatures: [] });
  });

  it('is written as the specification requires', () => {
    const hash = Buffer.alloc(32, 1);
    expect(
      formatTlogProof({ index: 73894n, hashes: [hash], checkpoint: 'checkpoint\n', extra: Buffer.from('extra') }),
    ).toBe(`c2sp.org/tlog-proof@v1\nextra ZXh0cmE=\nindex 73894\n${hash.toString('base64')}\n\ncheckpoint\n`);
    expect(formatTlogProof({ index: 0n, hashes: [], checkpoint: 'checkpoint\n' })).toBe(
      'c2sp.org/tlog-proof@v1\nindex 0\n\ncheckpoint\n',
    );
  });

  it('is read back as written', () => {
    const hashes = fc.array(
      fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes)),
      { maxLength: 64 },
    );
    const extra = fc.option(
      fc.uint8Array({ minLength: 1, maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
      { nil: undefined },
    );
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: maxTreeSize }), hashes, extra, (index, path, data) => {
        const proof = {
          index,
          hashes: path,
          checkpoint: 'any\n\ntext\n',
          ...(data === undefined ? {} : { extra: data }),
        };
        expect(parseTlogProof(formatTlogProof(proof))).toEqual({ ok: true, proof });
        expect(parseTlogProof(Buffer.from(formatTlogProof(proof)))).toEqual({ ok: true, proof });
      }),
    );
  });

  it('is refused if it is malformed', async () => {
    const file = formatTlogProof(await proofOfSix());
    const hash = Buffer.alloc(32).toString('base64');
    const refused = [
      '',
      'c2sp.org/tlog-proof@v1',
      file.replace('@v1', '@v2'),
      file.replace('c2sp', 'C2SP'),
      ` ${file}`,
      `\ufeff${file}`,
      file.replaceAll('\n', '\r\n'),
      file.replace('index 6', 'index 06'),
      file.replace('index 6', 'index -6'),
      file.replace('index 6', 'index  6'),
      file.replace('index 6', 'index 18446744073709551616'),
      file.replace('index 6\n', ''),
      file.replace('extra c2FsdA==', 'extra '),
      file.replace('extra c2FsdA==', 'extra'),
      file.replace('extra c2FsdA==', 'extra c2FsdA'),
      file.replace('extra c2FsdA==', 'extra c2FsdB=='),
      file.replace('extra c2FsdA==', `extra ${'A'.repeat(100_000)}`),
      file.replace('extra c2FsdA==\nindex 6', 'index 6\nextra c2FsdA=='),
      file.replace('index 6\n', `index 6\n${hash.slice(4)}\n`),
      file.replace('index 6\n', `index 6\n${hash}${hash}\n`),
      file.replace('index 6\n', `index 6\n${`${hash}\n`.repeat(65)}`),
      file.slice(0, file.indexOf('\n\n') + 2),
      file.slice(0, file.indexOf('\n\n')),
      file.padEnd(2_000_000, 'x'),
    ];
    for (const bad of refused)
      expect(parseTlogProof(bad), bad.slice(0, 60)).toEqual({ ok: false, reason: 'malformed_proof' });
    expect(parseTlogProof(Buffer.concat([Buffer.from(file), Buffer.of(0xff)])).ok).toBe(false);
  });

  it('returns a union for any text, and reads nothing that it would write differently', () => {
    const pieces = fc.constantFrom(
      'c2sp.org/tlog-proof@v1\n',
      'extra ',
      'AAAA',
      '\n',
      'index ',
      '0',
      '7',
      Buffer.alloc(32).toString('base64'),
      'text\n',
    );
    fc.assert(
      fc.property(
        fc.array(pieces).map((parts) => `c2sp.org/tlog-proof@v1\n${parts.join('')}`),
        (text) => {
          const parsed = parseTlogProof(text);
          if (parsed.ok) expect(formatTlogProof(parsed.proof)).toBe(text);
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('does not prove another entry, another position, or anything under another key', async () => {
    const proof = await proofOfSix();
    const verdict = (changed: Partial<TlogProof>, leaf: Uint8Array = leafHash) =>
      verifyTlogProof({ file: formatTlogProof({ ...proof, ...changed }), leafHash: leaf, ...trust });
    expect(verdict({}, leaves[7])).toEqual({ ok: false, reason: 'root_mismatch' });
    expect(verdict({ index: 5n })).toEqual({ ok: false, reason: 'root_mismatch' });
    expect(verdict({ index: 11n })).toEqual({ ok: false, reason: 'index_beyond_size' });
    expect(verdict({ hashes: proof.hashes.slice(1) })).toEqual({ ok: false, reason: 'wrong_proof_length' });
    expect(verdict({ checkpoint: proof.checkpoint.replace('\n11\n', '\n12\n') })).toEqual({
      ok: false,
      reason: 'bad_signature',
    });
    expect(verdict({ checkpoint: 'text\n' })).toEqual({ ok: false, reason: 'no_signatures' });
    const file = formatTlogProof(proof);
    expect(verifyTlogProof({ file, leafHash, origin, logKeys: [signingKey('other.example').key] })).toEqual({
      ok: false,
      reason: 'no_log_signature',
    });
    expect(verifyTlogProof({ file, leafHash, origin: 'log.example/b', logKeys: [log.key] })).toEqual({
      ok: false,
      reason: 'other_origin',
    });
    expect(verifyTlogProof({ file: 'x', leafHash, ...trust })).toEqual({ ok: false, reason: 'malformed_proof' });
  });

  it('is not written if it would not be read', async () => {
    const proof = await proofOfSix();
    for (const fields of [
      { index: -1n },
      { index: maxTreeSize + 1n },
      { hashes: [Buffer.alloc(31)] },
      { hashes: [Buffer.alloc(0)] },
      { hashes: Array.from({ length: 65 }, () => Buffer.alloc(32)) },
      { extra: Buffer.alloc(0) },
      { extra: Buffer.alloc(65_537) },
      { checkpoint: '' },
    ])
      expect(() => formatTlogProof({ ...proof, ...fields })).toThrow(
        expect.toSatisfy((e) => isCodedError(e, 'not_signable')),
      );
  });
});
