import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ReportedBundle, reportBundle } from '../../../../evidence-page/src/testing/told-bundles.ts';
import { evidenceCommands } from '../evidence.ts';

const folder = mkdtempSync(join(tmpdir(), 'countersign-verify-'));
let told: ReportedBundle;
const before = process.exitCode;

beforeAll(async () => {
  told = await reportBundle();
});
afterEach(() => {
  process.exitCode = before;
  vi.restoreAllMocks();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function put(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content));
  return path;
}

/** Exit code and output of `countersign evidence ...`, in this process. */
async function evidence(...words: readonly string[]): Promise<{ readonly code: unknown; readonly printed: string }> {
  let printed = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  const program = new Command().exitOverride();
  evidenceCommands(program, () => ({ data: folder }));
  process.exitCode = undefined;
  await program.parseAsync(['evidence', ...words], { from: 'user' });
  return { code: process.exitCode, printed };
}

describe('countersign evidence verify', () => {
  it('ends with 0, 4, 3 and 2 for the four verdicts', async () => {
    const trust = put('trust.json', told.trust);
    const { disclosures = [], ...without } = told.bundle;
    const good = put('good.json', told.bundle);
    for (const [words, code, says] of [
      [[good, '--trust', trust], 0, 'VERIFIED'],
      [[put('withheld.json', without), '--trust', trust], 4, 'INCOMPLETE'],
      [[good], 3, 'NOT ANCHORED'],
      [
        [put('bad.json', { ...told.bundle, disclosures: [...disclosures, ...disclosures] }), '--trust', trust],
        2,
        'NOT VERIFIED',
      ],
    ] as const) {
      const outcome = await evidence('verify', ...words);
      expect(outcome.printed.trim().split('\n').at(-1)).toContain(says);
      expect(outcome.code).toBe(code);
    }
  });

  it('prints one line per failure, with its reason code and its record', async () => {
    const bad = put('bad.json', { ...told.bundle, records: told.bundle.records.slice(1) });
    const { printed } = await evidence('verify', bad, '--trust', put('trust.json', told.trust));
    expect(printed.split('\n').filter((line) => line.startsWith('FAIL'))).toEqual([
      expect.stringMatching(/record_missing .* rec_/),
      expect.stringMatching(/reference_missing .* rec_/),
      expect.stringMatching(/approval_signature .* rec_/),
    ]);
  });

  it('takes each trusted input from a file of its own', async () => {
    const authorities = told.trust.timeStampAuthorities.map((der, kind) =>
      put(`tsa-${kind}.der`, Buffer.from(der, 'base64url')),
    );
    const { code, printed } = await evidence(
      ...['verify', put('good.json', told.bundle), '--log-key', told.trust.logVerifierKey],
      ...['--checkpoint', put('kept', told.trust.checkpoint), '--policy', put('policy', told.trust.policy)],
      ...authorities.flatMap((path) => ['--tsa-certificate', path]),
    );
    expect(code).toBe(0);
    expect(printed).not.toContain('note');
    expect(printed).toContain('cosigned by witness.example/north');
  });

  it('prints the report as JSON', async () => {
    const { printed, code } = await evidence('verify', put('good.json', told.bundle), '--json');
    expect(JSON.parse(printed)).toMatchObject({
      format: 'countersign-evidence-report/1',
      verdict: 'unanchored',
      fileDigest: expect.stringMatching(/^[0-9a-f]{64}$/) as unknown,
      bundle: { transaction: told.bundle.transaction, records: 14 },
    });
    expect(code).toBe(3);
  });

  it('stops if a named input cannot be used, rather than silently trusting less', async () => {
    const good = put('good.json', told.bundle);
    for (const [words, code] of [
      [['--trust', put('t.json', { logKey: 'x' })], 'trust_malformed'],
      [['--trust', put('t.json', '[]')], 'trust_malformed'],
      [['--trust', join(folder, 'nowhere')], 'file_unreadable'],
      [['--log-key', 'no key'], 'trust_malformed'],
      [['--policy', put('p', 'quorum nobody\n')], 'trust_malformed'],
      [['--policy', join(folder, 'nowhere')], 'trust_malformed'],
      [['--tsa-certificate', put('c', 'no certificate')], 'trust_malformed'],
    ] as const)
      await expect(evidence('verify', good, ...words)).rejects.toMatchObject({ code });
    for (const file of [put('x', 'not JSON'), put('y', Buffer.from([0xff])), join(folder, 'nowhere')])
      await expect(evidence('verify', file)).rejects.toMatchObject({ code: 'file_unreadable' });
  });

  it('refuses a bundle or a trust file that names a member twice: two readers could each believe another value', async () => {
    const text = JSON.stringify(told.bundle);
    const twice = put('twice.json', text.replace('"records":', '"records":[],"records":'));
    await expect(evidence('verify', twice)).rejects.toMatchObject({
      code: 'file_unreadable',
      detail: expect.stringContaining('the same key twice') as unknown,
    });
    const key = JSON.stringify(told.trust.logVerifierKey);
    const trust = put('trust-twice.json', `{"logVerifierKey":"other","logVerifierKey":${key}}`);
    await expect(evidence('verify', put('good.json', told.bundle), '--trust', trust)).rejects.toMatchObject({
      code: 'file_unreadable',
      detail: expect.stringContaining('the same key twice') as unknown,
    });
  });
});
