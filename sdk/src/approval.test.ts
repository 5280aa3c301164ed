import { digestOf, newId, parseDigest, systemClock, systemRandom } from '@countersign/kernel';
import { importVerificationKey, type JwsRefusal, parseCompactJws, verifyJws } from '@countersign/oauth';
import { fixedClock } from '@countersign/testkit';
import { describe, expect, it } from 'vitest';
import { batchRoot, signApproval, signBatchApproval } from './approval.ts';
import { generateSigningKey } from './keys.ts';

const from = { clock: systemClock, random: systemRandom };
const clock = fixedClock(1_800_000_000_000);
const key = generateSigningKey();
const refuse: JwsRefusal = (problem) => expect.unreachable(problem);

const item = (name: string) => ({ transaction: newId('transaction', from), intentDigest: digestOf(name) });
const terms = { approver: 'person:anna.keller', lifeSeconds: 600 };

function claimsOf(text: string) {
  const jws = parseCompactJws(text, refuse);
  expect(jws.header).toMatchObject({ typ: 'countersign-approval+jwt', alg: 'ES256', kid: key.kid });
  return verifyJws(jws, importVerificationKey(key.publicJwk), refuse);
}

describe('an approval', () => {
  it('is signed over one intent, with an expiry', async () => {
    const approved = item('one');
    const claims = claimsOf(await signApproval({ ...terms, ...approved, role: 'risk' }, key, { clock }));
    expect(claims).toEqual({
      iss: 'person:anna.keller',
      txn: approved.transaction,
      intent_digest: approved.intentDigest,
      decision: 'approve',
      role: 'risk',
      iat: 1_800_000_000,
      exp: 1_800_000_600,
      jti: expect.stringMatching(/^[0-9A-Za-z_-]{22}$/),
    });
  });

  it('is unique', async () => {
    const approved = { ...terms, ...item('one') };
    const [one, other] = [await signApproval(approved, key), await signApproval(approved, key)];
    expect(claimsOf(one)['jti']).not.toBe(claimsOf(other)['jti']);
  });

  it('of several intents names each of them and the digest of all', async () => {
    const items = [item('one'), item('two')];
    const claims = claimsOf(await signBatchApproval({ ...terms, items }, key, { clock }));
    expect(claims).toMatchObject({
      iss: 'person:anna.keller',
      decision: 'approve',
      items: items.map(({ transaction, intentDigest }) => ({ txn: transaction, intent_digest: intentDigest })),
      root: batchRoot(items),
    });
    expect(claims).not.toHaveProperty('txn');
  });

  it('of several intents has another root if one is omitted, added, changed or moved', () => {
    const [one, two, three] = [item('one'), item('two'), item('three')];
    const roots = [
      [one, two],
      [two, one],
      [one],
      [one, two, three],
      [one, { ...two, intentDigest: three.intentDigest }],
      [one, { ...two, transaction: three.transaction }],
    ].map((items) => batchRoot(items));
    expect(new Set(roots).size).toBe(roots.length);
    for (const root of roots) expect(parseDigest(root)).toBe(root);
  });
});
