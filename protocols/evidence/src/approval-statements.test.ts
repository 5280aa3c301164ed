import type { Json } from '@countersign/kernel';
import { digestOf } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { verifyBundle } from './index.ts';
import { newAuthenticator, type Plot, tellOrder } from './testing/order-story.ts';

// A bundle with an approval signed with a security key or a passkey.

async function verifyStory(plot: Partial<Plot> & { readonly authenticator: NonNullable<Plot['authenticator']> }) {
  const story = tellOrder(plot);
  const { steps } = verifyBundle(await story.bundle(), { trust: { logVerifierKey: story.log.verifierKey } });
  const nameOf = (id: string | undefined) => Object.entries(story.ids).find(([, value]) => value === id)?.[0] ?? '-';
  return {
    faults: steps.filter(({ ok }) => !ok).map(({ code, record }) => `${code} ${nameOf(record)}`),
    detail: steps.find(({ step, ok }) => step === 'approvals' && ok)?.detail,
    why: steps
      .filter(({ ok }) => !ok)
      .map(({ detail }) => detail)
      .join(' '),
  };
}

const key = newAuthenticator();
const changed = (name: string, members: Readonly<Record<string, Json>>): Partial<Plot> => ({
  rewrite: (told, draft) => (told === name ? { ...draft, ...members } : draft),
});
const changedData = (name: string, change: Readonly<Record<string, Json>>): Partial<Plot> => ({
  rewrite: (told, draft) =>
    told === name ? { ...draft, data: { ...(draft['data'] as Record<string, Json>), ...change } } : draft,
});
const flip = (text: string, at: number): string => {
  const octets = Buffer.from(text, 'base64url');
  octets[at] = (octets[at] ?? 0) ^ 1;
  return octets.toString('base64url');
};

describe('an approval by an authenticator', () => {
  it('verifies from the assertion up, and names the page on which it was signed', async () => {
    expect(await verifyStory({ authenticator: { key } })).toMatchObject({
      faults: [],
      detail: '1 approval verified. 1 of them by an authenticator, at https://id.example.com.',
    });
  });

  it('verifies as one of several under one root', async () => {
    const others = { txn: 'txn_other', intent_digest: digestOf('other') };
    const batch = (terms: Readonly<Record<string, Json>>) => {
      const { txn = null, intent_digest = null, ...rest } = terms;
      const items = [others, { txn, intent_digest }];
      return { ...rest, items, root: digestOf(items) };
    };
    expect((await verifyStory({ authenticator: { key }, approval: batch })).faults).toEqual([]);
    const false_ = (terms: Readonly<Record<string, Json>>) => ({ ...batch(terms), root: digestOf('another') });
    expect((await verifyStory({ authenticator: { key }, approval: false_ })).faults).toEqual([
      'approval_terms approved',
    ]);
  });

  it.each([
    ['another typ', { typ: 'countersign-recovery+webauthn' }, 'approval_signature'],
    ['no name of who signs', { iss: 7 }, 'approval_signature'],
    ['another person’s name', { iss: 'person:anna' }, 'approval_terms'],
    ['another transaction', { txn: 'txn_another' }, 'approval_terms'],
    ['another intent', { intent_digest: digestOf('another') }, 'approval_terms'],
    ['a refusal', { decision: 'decline' }, 'approval_terms'],
    ['another role than it was counted in', { role: 'compliance' }, 'approval_terms'],
    ['an end that is past', { exp: 1_700_000_000 }, 'approval_late'],
  ] as const)('is refused with %s in the signed data', async (_what, change, code) => {
    const story = {
      authenticator: { key },
      approval: (terms: Readonly<Record<string, Json>>) => ({ ...terms, ...change }),
    };
    expect((await verifyStory(story)).faults).toContain(`${code} approved`);
  });

  it.each([
    ['no user was present', { userPresent: false }],
    ['its user was not verified', { userVerified: false }],
    ['it says that it can be copied, which it did not when it was registered', { backupEligible: true }],
    ['it answered for another service', { rpId: 'evil.example' }],
    ['the page was another one than the record states', { origin: 'https://evil.example' }],
    ['the page was inside another page', { crossOrigin: true }],
    ['it signed another challenge', { challenge: digestOf('another') }],
  ] as const)('is refused where %s', async (_what, behaviour) => {
    expect((await verifyStory({ authenticator: { key, behaviour } })).faults).toEqual(['approval_signature approved']);
  });

  it('is refused if the stated page does not belong to its service or is not secure', async () => {
    for (const origin of ['https://evil.example', 'http://id.example.com', 'https://id.example.com/', 'null', 'x'])
      expect((await verifyStory({ authenticator: { key, behaviour: { origin } } })).faults, origin).toEqual([
        'approval_signature approved',
      ]);
    for (const origin of ['https://sub.id.example.com', 'https://id.example.com:8443'])
      expect((await verifyStory({ authenticator: { key, behaviour: { origin } } })).faults, origin).toEqual([]);
  });

  it('is refused when any part of the assertion is changed', async () => {
    for (const member of ['authenticator_data', 'client_data_json', 'signature', 'credential_id'] as const) {
      for (const at of [0, 5, 20, 31]) {
        const record = <S extends Readonly<Record<typeof member, string>>>(signature: S) => ({
          ...signature,
          [member]: flip(signature[member], at),
        });
        expect((await verifyStory({ authenticator: { key, record } })).faults, `${member} ${at}`).toEqual([
          'approval_signature approved',
        ]);
      }
    }
  });

  it('is refused if the claims are not the signed ones', async () => {
    const story = tellOrder({ authenticator: { key } });
    const leaf = story.log.leaves.find((bytes) => bytes.includes('countersign-approval+webauthn'));
    const { data } = JSON.parse(leaf?.toString() ?? '{}') as {
      data: { statement: { claims: Record<string, Json> } };
    };
    for (const change of [{ jti: 'j2' }, { exp: 1_900_000_000 }, { role: 'risk' }]) {
      const { statement } = data;
      const told = changedData('approved', {
        statement: { ...statement, claims: { ...statement.claims, ...change } },
      });
      expect((await verifyStory({ authenticator: { key }, ...told })).faults).toEqual(['approval_signature approved']);
    }
  });

  it('is refused if its key is another one, or is not registered to the approver for this service', async () => {
    const foreign = newAuthenticator().sign({ typ: 't', iss: 'i', iat: 1, exp: 2, jti: 'j' }).jwk;
    for (const plot of [
      changedData('approved', { key: { ...foreign } }),
      changed('approved', { references: [] }),
      changed('registered', { subject: { id: 'person:carla' } }),
      changed('registered', { type: 'authenticator.renamed' }),
      changedData('registered', { kid: digestOf('another') }),
      changedData('registered', { rp_id: 'example.com' }),
      changedData('registered', { credential_id: 'AAAA' }),
      changedData('registered', { backup_eligible: true }),
    ]) {
      const { faults } = await verifyStory({ authenticator: { key }, ...plot });
      expect(faults).toContain('approval_signature approved');
    }
  });

  it('is refused if the initiator of the transaction gave it', async () => {
    expect(
      (
        await verifyStory({
          authenticator: { key },
          ...changed('opened', { subject: { id: 'person:boris' } }),
        })
      ).faults,
    ).toContain('approval_self approved');
  });

  it('cannot be read with two forms or a missing part', async () => {
    for (const change of [{ jws: 'a.b.c' }, { statement: { claims: {} } }, { statement: 'x' }] as const)
      expect((await verifyStory({ authenticator: { key }, ...changedData('approved', change) })).faults).toContain(
        'record_malformed approved',
      );
  });
});
