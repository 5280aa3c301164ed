import type { EvidenceRecord, RecordDraft } from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { describe, expect, it } from 'vitest';
import { leis } from '../testing/example-mandate.ts';
import { type DirectoryView, signalsOf } from './projection.ts';

const from = { clock: systemClock, random: systemRandom };
const issuer = 'https://countersign.example';
const institution = leis.fund;
const user = { format: 'iss_sub', iss: issuer, sub: 'person:frank' };
const tenant = { format: 'opaque', id: institution };
const opaque = (id: string) => ({ format: 'opaque', id });
const session = newId('session', from);

const directory: DirectoryView = {
  knownPrincipal: (id) => (id === 'person:frank' ? { institution } : undefined),
  client: (id) => (id === 'ops' ? { institution } : undefined),
  device: (id) => (id === 'device:a' ? { institution, posture: 'failing' } : undefined),
};

const signals = (
  draft: Omit<RecordDraft, 'id' | 'source' | 'outcome'>,
  view: DirectoryView | undefined = directory,
) => {
  const record: EvidenceRecord = {
    ...{ v: 1, time: '2026-11-21T10:00:00.900Z', id: newId('record', from), source: 'x', outcome: 'done' },
    ...draft,
  };
  return signalsOf(record, { issuer, directoryAt: async () => view });
};

describe('reported postures', () => {
  const reported = (was: string, posture: string) =>
    signals({
      type: 'device.posture-changed',
      data: {
        device: 'device:a',
        institution,
        feed: 'edr',
        was,
        posture,
        posture_at: '2026-11-21T10:00:00Z',
        failed: [],
      },
    });

  it('that change the state of a device name the new one', async () => {
    expect(await reported('failing', 'compliant')).toMatchObject([
      {
        event: 'device-compliance-change',
        subject: { format: 'complex', device: opaque('device:a'), tenant },
        claims: { previous_status: 'not-compliant', current_status: 'compliant' },
        audience: [institution],
      },
    ]);
    expect(await reported('compliant', 'failing')).toMatchObject([{ claims: { current_status: 'not-compliant' } }]);
  });

  it('that leave it unchanged signal nothing', async () => {
    expect(await reported('failing', 'failing')).toEqual([]);
  });
});

describe('sessions', () => {
  const subject = { id: 'person:frank', institution };
  const about = { format: 'complex', user, session: opaque(session), tenant };

  it('that are established signal how the person signed in', async () => {
    const authentication = { method: 'oidc', acr: 'phr', amr: ['hwk'] };
    expect(
      await signals({ type: 'session.started', subject, authentication, data: { session, goes_on: false } }),
    ).toMatchObject([
      {
        ...{ event: 'session-established', subject: about, time: 1795255200, ordinal: 0, audience: [institution] },
        claims: { initiating_entity: 'user', acr: 'phr', amr: ['hwk'] },
      },
    ]);
  });

  it('that continue are presented', async () => {
    expect(await signals({ type: 'session.started', subject, data: { session, goes_on: true } })).toMatchObject([
      { event: 'session-presented', subject: about },
    ]);
  });

  it.each([
    ['person_signed_out', 'user'],
    ['logout', 'user'],
    ['principal_left', 'admin'],
    ['session_expired', 'system'],
  ])('that end (%s) are revoked, with the initiator from the code (%s)', async (reason, initiating_entity) => {
    expect(
      await signals({ type: 'session.ended', subject: { id: 'person:frank' }, data: { session, reason } }),
    ).toMatchObject([
      {
        ...{ event: 'session-revoked', subject: about, audience: [institution] },
        claims: { initiating_entity, reason_admin: { en: reason } },
      },
    ]);
  });

  it('that end for a free-text reason do not quote it', async () => {
    const [signal] = await signals({
      type: 'session.ended',
      subject: { id: 'person:frank' },
      data: { session, reason: 'Frank was rude' },
    });
    expect(signal?.claims).toEqual({ initiating_entity: 'system' });
  });

  it('of an unknown person are signalled to nobody', async () => {
    expect(await signals({ type: 'session.ended', subject: { id: 'person:gone' }, data: { session } })).toEqual([]);
  });
});

describe('an issued credential', () => {
  const revoked = (data: object, by = { id: 'client:ops', institution }) =>
    signals({ type: 'token.revoked', actors: [by], data: data as never });

  it('that is revoked is signalled as a session: a token, of a client, of a principal, of an institution', async () => {
    expect(await revoked({ kind: 'token', id: 'tok_1' })).toMatchObject([
      { event: 'session-revoked', subject: { format: 'jwt_id', iss: issuer, jti: 'tok_1' }, audience: [institution] },
    ]);
    expect(await revoked({ kind: 'client', id: 'ops' })).toMatchObject([
      { subject: { format: 'complex', application: opaque('ops'), tenant }, audience: [institution] },
    ]);
    expect(await revoked({ kind: 'principal', id: 'person:frank' })).toMatchObject([
      { subject: { format: 'complex', user, tenant }, audience: [institution] },
    ]);
    expect(await revoked({ kind: 'partner', id: leis.broker })).toMatchObject([
      { subject: { format: 'complex', tenant: opaque(leis.broker) }, audience: [leis.broker] },
    ]);
  });

  it('is signalled once: a consent has a record of its own, and a mandate is no session', async () => {
    expect(await revoked({ kind: 'grant', id: 'grt_1' })).toEqual([]);
    expect(await revoked({ kind: 'mandate', id: 'mnd_1' })).toEqual([]);
    // An unknown token ended nothing.
    expect(await signals({ type: 'token.revoked', data: { token_sha256: 'x' } })).toEqual([]);
  });

  const about = {
    ...{ format: 'complex', user, application: opaque('ops'), grant: opaque('grt_1'), tenant },
  };

  it('under a changed consent has changed claims', async () => {
    expect(
      await signals({
        ...{ type: 'grant.changed', subject: { id: 'person:frank', institution }, client: 'ops' },
        ...{ scope: ['a', 'b'], audience: ['https://venue.example'], data: { grant: 'grt_1' } },
      }),
    ).toMatchObject([
      {
        ...{ event: 'token-claims-change', subject: about },
        claims: { claims: { scope: 'a b', aud: ['https://venue.example'] } },
      },
    ]);
  });

  it.each([
    ['person:frank', 'user'],
    ['person:operator', 'admin'],
  ])('under a consent that %s ends is revoked by a %s', async (id, initiating_entity) => {
    expect(
      await signals({
        type: 'grant.revoked',
        subject: { id, institution: leis.broker },
        data: { grant: 'grt_1', client: 'ops', subject: 'person:frank', institution, reason: 'words' },
      }),
    ).toMatchObject([
      { event: 'session-revoked', subject: about, claims: { initiating_entity }, audience: [institution] },
    ]);
  });
});

describe('another DPoP key of a client', () => {
  it('is a changed credential, for the institution of the person and the owner of the client', async () => {
    const grant = newId('grant', from);
    const changed = (owner: string) =>
      signals({
        type: 'client.dpop-key-changed',
        client: 'ops',
        subject: { id: 'person:frank', institution },
        data: { grant, institution: owner, was: 'a', jkt: 'b' },
      });
    expect(await changed(leis.broker)).toMatchObject([
      {
        event: 'credential-change',
        subject: { format: 'complex', user, application: opaque('ops'), grant: opaque(grant), tenant },
        claims: { initiating_entity: 'system', credential_type: 'dpop-key', change_type: 'update' },
        audience: [institution, leis.broker],
      },
    ]);
    expect(await changed(institution)).toMatchObject([{ audience: [institution] }]);
  });
});

describe('a directory change', () => {
  const applied = (changes: readonly object[], view?: DirectoryView) =>
    signals({ type: 'directory.applied', data: { version: 3, changes: changes as never } }, view);

  it.each([
    [{ change: 'add', kind: 'client', id: 'ops' }, 'create'],
    [{ change: 'change', kind: 'client', id: 'ops', fields: ['jwks', 'scopes'] }, 'update'],
  ])('with another key of a client (%j) is a credential change: %s', async (change, change_type) => {
    expect(await applied([change])).toMatchObject([
      {
        event: 'credential-change',
        subject: { format: 'complex', application: opaque('ops'), tenant },
        claims: { credential_type: 'oauth-client-key', change_type },
        audience: [institution],
      },
    ]);
  });

  it('with another credential of a person is a credential change', async () => {
    expect(
      await applied([{ change: 'change', kind: 'person', id: 'person:frank', fields: ['credentials'] }]),
    ).toMatchObject([{ event: 'credential-change', subject: { user, tenant }, claims: { change_type: 'update' } }]);
  });

  it('with a changed device state names the new one', async () => {
    expect(
      await applied([{ change: 'change', kind: 'device', id: 'device:a', fields: ['posture', 'posture_at'] }]),
    ).toMatchObject([
      {
        event: 'device-compliance-change',
        subject: { format: 'complex', device: opaque('device:a'), tenant },
        claims: { previous_status: 'compliant', current_status: 'not-compliant' },
      },
    ]);
  });

  it('of several entities makes a signal for each, numbered', async () => {
    const change = { change: 'change', kind: 'client', id: 'ops', fields: ['jwks'] };
    const device = { change: 'change', kind: 'device', id: 'device:a', fields: ['posture'] };
    expect((await applied([change, device])).map(({ ordinal }) => ordinal)).toEqual([0, 1]);
  });

  it.each([
    { change: 'change', kind: 'client', id: 'ops', fields: ['scopes'] },
    { change: 'change', kind: 'client', id: 'unknown', fields: ['jwks'] },
    { change: 'change', kind: 'person', id: 'person:frank', fields: ['desk'] },
    { change: 'change', kind: 'device', id: 'device:a', fields: ['posture_at'] },
    { change: 'add', kind: 'desk', id: 'x' },
    { change: 'add', kind: 'person', id: 'person:frank' },
  ])('of anything else (%j) signals nothing', async (change) => {
    expect(await applied([change])).toEqual([]);
  });

  it('that never took effect signals nothing', async () => {
    const record = {
      type: 'directory.applied',
      data: { version: 9, changes: [{ change: 'add', kind: 'client', id: 'ops' }] },
    };
    const never = signalsOf(
      {
        ...{ v: 1, time: '2026-11-21T10:00:00Z', id: newId('record', from), source: 'x', outcome: 'done' },
        ...(record as { type: 'directory.applied' }),
      },
      { issuer, directoryAt: async () => undefined },
    );
    expect(await never).toEqual([]);
  });
});

it.each([
  ['leave', 'principal_left'],
  ['move', 'principal_moved'],
])('that makes somebody depart (%s) ends their sessions, with the same cause', async (kind, code) => {
  const applied = newId('record', from);
  const told = await signals({
    type: 'directory.departure',
    references: [applied],
    data: { principal: 'person:frank', institution, kind, reason: 'Frank has a better offer' },
  });
  expect(told).toMatchObject([
    {
      ...{ event: 'session-revoked', subject: { format: 'complex', user, tenant }, cause: applied },
      claims: { initiating_entity: 'admin', reason_admin: { en: code } },
      audience: [institution],
    },
  ]);
  expect(JSON.stringify(told)).not.toContain('better offer');
});

it('a withdrawn signing key of ours is signalled to everybody', async () => {
  expect(
    await signals({ type: 'key.withdrawn', data: { purpose: 'access-token', kid: 'k1', successor: 'k2' } }),
  ).toMatchObject([
    {
      event: 'credential-change',
      audience: 'everybody',
      subject: { format: 'complex', key: opaque('k1') },
      claims: { credential_type: 'signing-key:access-token', change_type: 'revoke' },
    },
  ]);
});

it('other records make no signal', async () => {
  expect(await signals({ type: 'decision.made', subject: { id: 'person:frank', institution }, data: {} })).toEqual([]);
  expect(await signals({ type: 'session.started', data: {} })).toEqual([]);
});
