import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { components, findComponent } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type ReportedBundle, reportBundle } from '../../apps/evidence-page/src/testing/told-bundles.ts';
import { isAsShown, stepsOf } from './testing/guide.ts';
import { scratchFolder } from './testing/scratch-folder.ts';

// The manual steps of the guide, on valid and invalid bundles.

const page = readFileSync(fileURLToPath(new URL('../../docs/guides/verify-evidence.md', import.meta.url)), 'utf8');
const byHand = stepsOf(page.slice(page.indexOf('## Checking it by hand'), page.indexOf('## Reason codes')));
const openssl = findComponent(components.openssl);
const folder = scratchFolder();
afterAll(() => folder.remove());

describe.skipIf(!openssl.found)(
  `evidence, checked with openssl, sha256sum and jq only${openssl.found ? '' : ` (skipped: ${openssl.reason})`}`,
  () => {
    let told: ReportedBundle;
    beforeAll(async () => {
      const all = await reportBundle();
      // P-256 and RSA: `openssl ts` supports no Ed25519 signatures, and P-384 only with SHA-384.
      const timeStamps = all.bundle.timeStamps?.filter((_, kind) => kind === 0 || kind === 2) ?? [];
      told = { ...all, bundle: { ...all.bundle, timeStamps } };
    });

    /** The output of each of these blocks of the guide, run in sequence in one shell. */
    function run(
      bundle: object,
      trust: object = told.trust,
      blocks: readonly number[] = byHand.map((_, index) => index),
    ): readonly string[] {
      const mark = '@@ step @@';
      writeFileSync(join(folder.path, 'order.evidence.json'), JSON.stringify(bundle, undefined, 1));
      writeFileSync(join(folder.path, 'trust.json'), JSON.stringify(trust));
      const pem = told.trust.timeStampAuthorities.map(
        (der) =>
          `-----BEGIN CERTIFICATE-----\n${Buffer.from(der, 'base64url').toString('base64')}\n-----END CERTIFICATE-----\n`,
      );
      writeFileSync(join(folder.path, 'tsa.pem'), pem.join(''));
      // A reader continues after a failed step.
      const script = blocks.map((index) => `echo; echo '${mark}'\n${byHand[index]?.commands ?? ''}`).join('\n');
      const { stdout } = spawnSync('bash', ['-c', `exec 2>&1; ${script}`], { cwd: folder.path, encoding: 'utf8' });
      return stdout.split(mark).slice(1);
    }

    it('passes for a bundle that the command verifies', { timeout: 240_000 }, () => {
      const printed = run(told.bundle);
      expect(byHand).toHaveLength(6);
      for (const [index, { shown }] of byHand.entries())
        if (shown !== undefined) expect(isAsShown(printed[index] ?? '', shown), printed[index]).toBe(true);
      expect(printed[2]?.trim()).toBe('14 in the log');
      expect(printed[4]?.trim()).toBe('1 opens its commitment');
      expect(printed[5]?.match(/Verification: OK/g)).toHaveLength(2);
    });

    it('finds another key, a changed byte of a record, a missing record, another value, and another stamp', {
      timeout: 240_000,
    }, () => {
      const other = told.trust.logVerifierKey.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'));
      expect(run(told.bundle, { ...told.trust, logVerifierKey: other }, [0, 1])[1]).not.toContain(
        'Verified Successfully',
      );

      const records = told.bundle.records.map((record, position) => {
        if (position !== 3) return record;
        const bytes = Buffer.from(record.leaf ?? '', 'base64url');
        bytes.writeUInt8(bytes.readUInt8(100) ^ 1, 100);
        return { ...record, leaf: bytes.toString('base64url') };
      });
      expect(run({ ...told.bundle, records }, told.trust, [0, 1, 2])[2]).toContain('NOT in the log: position 3');
      expect(run({ ...told.bundle, records: told.bundle.records.slice(1) }, told.trust, [0, 3])[1]).toContain('< rec_');

      const disclosures = told.bundle.disclosures?.map((each) => ({
        ...each,
        text: each.text.replace('1000', '9000'),
      }));
      expect(run({ ...told.bundle, disclosures }, told.trust, [0, 3, 4])[2]).toContain('FALSE: /data/intent');

      const timeStamps = told.bundle.timeStamps?.map((stamp) => ({ ...stamp, checkpoint: told.trust.checkpoint }));
      expect(run({ ...told.bundle, timeStamps }, told.trust, [0, 5])[1]).not.toContain('Verification: OK');
    });
  },
);
