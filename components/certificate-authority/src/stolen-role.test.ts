import { parseInstant } from '@countersign/kernel';
import { codeOf } from '@countersign/testkit';
import { readX509Certificate } from '@countersign/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningCertificateAuthority } from './certificate-authority.ts';
import { isSignedByAuthority } from './forms.ts';
import { shardOf } from './shards.ts';
import { type AuthorityWorld, createAuthorityWorld, olga } from './testing/authority-world.ts';

// An attacker has the database role of this component, and nothing else.

let world: AuthorityWorld;
let ca: RunningCertificateAuthority;
const steal = () => world.scratch.pool('certificate-authority');

beforeAll(async () => {
  world = await createAuthorityWorld();
  ca = world.node();
  await world.establish(ca, 'workload', 'partner');
});
afterAll(() => world.close());

const partner = () => world.issue(ca, 'partner-client', 'service:partner');

describe('an attacker with only the database role of the certificate authority', () => {
  it('cannot add a certificate that was not issued', async () => {
    const issued = await partner();
    const forged = '4'.repeat(32);
    await steal().query(
      `insert into certificates select $2, jsonb_set(state, '{serial}', to_jsonb($2::text)), record, holder, institution, profile, status,
         not_after, issued_at, signature from certificates where serial = $1`,
      [issued.serial, forged],
    );
    expect(await codeOf(ca.find(forged))).toBe('authority_unproven');
    expect((await ca.list({})).map(({ serial }) => serial)).not.toContain(forged);
    await steal().query('delete from certificates where serial = $1', [forged]);
  });

  it('cannot have anything signed that was not recorded', async () => {
    const issued = await partner();
    const { toBeSigned } = readX509Certificate(issued.certificate);
    const changed = Buffer.from(toBeSigned);
    changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
    await steal().query(
      "update certificates set state = jsonb_set(state, '{tbs}', to_jsonb($2::text)), signature = null where serial = $1",
      [issued.serial, changed.toString('base64url')],
    );
    expect(await codeOf(ca.find(issued.serial))).toBe('authority_unproven');
  });

  it('cannot use the signature of another certificate: a signature that does not verify is made again', async () => {
    const issued = await partner();
    await steal().query('update certificates set signature = $2 where serial = $1', [
      issued.serial,
      Buffer.alloc(64, 7),
    ]);
    const found = await ca.find(issued.serial);
    expect(isSignedByAuthority(found?.certificate ?? new Uint8Array(), issued.chain[0] ?? new Uint8Array())).toBe(true);
  });

  it('cannot move the expiry of a certificate, nor hide one by changing its holder', async () => {
    const issued = await partner();
    const later = new Date((parseInstant(issued.notAfter) ?? 0) + 86_400_000).toISOString();
    await steal().query(
      "update certificates set state = jsonb_set(state, '{not_after}', to_jsonb($2::text)) where serial = $1",
      [issued.serial, later],
    );
    expect(await codeOf(ca.find(issued.serial))).toBe('authority_unproven');
  });

  it('cannot restore an older revocation list', async () => {
    const issued = await partner();
    const shard = shardOf(issued.serial);
    await ca.lookAtDue();
    const { rows } = await steal().query('select * from revocation_lists where authority = $1 and shard = $2', [
      issued.authority,
      shard,
    ]);
    await ca.revoke(issued.serial, 'keyCompromise', olga);
    await ca.lookAtDue();
    const [old] = rows as readonly { readonly number: string; readonly list: Buffer }[];
    await steal().query('update revocation_lists set number = $3, list = $4 where authority = $1 and shard = $2', [
      ...[issued.authority, shard, old?.number, old?.list],
    ]);
    const served = await ca.lists.list(issued.authority, shard);
    expect(Buffer.compare(served.list, old?.list ?? Buffer.alloc(0))).not.toBe(0);
    expect(served.number).toBeGreaterThan(BigInt(old?.number ?? 0));
  });
});
