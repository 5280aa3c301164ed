import { defined } from '@countersign/kernel';
import { asCaller, personOf } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type AuthenticatorNode,
  type AuthenticatorWorld,
  createAuthenticatorWorld,
} from '../testing/authenticator-world.ts';
import { bank, broker, chloe } from '../testing/people.ts';

const all = ['authenticator:invite', 'authenticator:read', 'authenticator:revoke', 'account:lock', 'account:unlock'];

describe('accounts of people over HTTP', () => {
  let world: AuthenticatorWorld;
  let node: AuthenticatorNode;
  let number = 0;
  beforeAll(async () => {
    world = await createAuthenticatorWorld();
    node = world.node();
  });
  afterAll(() => world.close());
  const somebody = (institution = broker) => {
    number += 1;
    const person = personOf(`h${number}`, institution);
    world.directory.add(person);
    return person;
  };
  const call = (
    method: 'GET' | 'POST',
    url: string,
    body?: object,
    caller = asCaller({ id: 'person:olga.office', institution: broker }, all),
  ) => node.app.inject({ method, url, headers: caller, ...defined({ payload: body }) });

  it('are invited, listed, revoked, locked and unlocked, and each action is recorded with its actor', async () => {
    const person = somebody();
    const invited = await call('POST', `/people/${person.id}/invitations`, { evidence: ['file 9'], life_hours: 4 });
    expect(invited.statusCode).toBe(201);
    expect(invited.headers['cache-control']).toBe('no-store');
    const { url, record_id: recordId } = invited.json<{ url: string; record_id: string }>();
    expect(url).toMatch(/^https:\/\/id\.example\/enrol\/[\w-]{43}$/);
    expect(world.audit.ofType('authenticator.invited').at(-1)).toMatchObject({
      id: recordId,
      subject: { id: person.id, institution: broker },
      actors: [{ id: 'person:olga.office', institution: broker }],
    });
    const asked = await node.authenticators.askInvited(url.slice(-43));
    const made = await node.authenticators.register({
      ...{ handle: asked.handle, person: person.id, credential: world.key().create(asked.options), name: 'blue' },
    });
    const listed = await call('GET', `/people/${person.id}/authenticators`);
    expect(listed.json()).toMatchObject({
      person: person.id,
      locked: false,
      authenticators: [{ id: made.id, name: 'blue', acr: 'phrh', attested: true, record_id: made.recordId }],
    });
    expect(listed.body).not.toContain(made.credentialId);

    const lock = (verb: string) => call('POST', `/people/${person.id}/${verb}`, { reason: 'laptop stolen' });
    expect((await lock('lock')).statusCode).toBe(204);
    expect((await call('GET', `/people/${person.id}/authenticators`)).json()).toMatchObject({ locked: true });
    expect((await lock('unlock')).statusCode).toBe(204);
    const revoke = () => call('POST', `/people/${person.id}/authenticators/${made.id}/revoke`, { reason: 'lost' });
    expect((await revoke()).statusCode).toBe(204);
    expect((await revoke()).json()).toMatchObject({ status: 404, code: 'authenticator_not_found' });
    expect((await call('POST', `/people/${person.id}/authenticators/revoke`, { reason: 'lost' })).json()).toEqual({
      revoked: 0,
    });
    const again = await call('POST', `/people/${person.id}/invitations`, { evidence: ['file 9'] });
    expect(again.json()).toMatchObject({ status: 409, code: 'recovery_needed' });
  });

  it.each<[string, 'GET' | 'POST', string, object | undefined]>([
    ['invitations', 'POST', 'invitations', { evidence: ['x'] }],
    ['authenticators', 'GET', 'authenticators', undefined],
    ['revocations', 'POST', 'authenticators/revoke', { reason: 'x' }],
    ['one revocation', 'POST', 'authenticators/aut_01k9z3m8q4d6s0v2x5y7a9b1c3/revoke', { reason: 'x' }],
    ['locks', 'POST', 'lock', { reason: 'x' }],
    ['unlocks', 'POST', 'unlock', { reason: 'x' }],
  ])('limit %s to a scope, to one’s own institution and to other people', async (_what, method, path, body) => {
    const person = somebody();
    const stranger = somebody(bank);
    const url = (id: string) => `/people/${id}/${path}`;
    expect(
      (
        await call(method, url(person.id), body, asCaller({ id: 'person:x', institution: broker }, ['order:read']))
      ).json(),
    ).toMatchObject({
      code: 'insufficient_scope',
    });
    const before = world.audit.records.length;
    const foreign = await call(method, url(stranger.id), body);
    const unknown = await call(method, url('person:nobody.at.all'), body);
    expect(foreign.json()).toMatchObject({ status: 403, code: 'person_not_yours' });
    expect(unknown.json()).toEqual(foreign.json());
    const byOperator = await call(
      method,
      url('person:nobody.at.all'),
      body,
      asCaller({ id: 'service:cli', institution: bank }, all),
    );
    expect(byOperator.json()).toEqual(foreign.json());
    if (method === 'POST')
      for (const caller of [
        asCaller({ id: person.id, institution: broker }, all),
        asCaller({ id: 'service:desk', institution: broker }, all, { actors: [person.id] }),
        asCaller({ id: person.id, institution: bank }, all),
      ])
        expect((await call(method, url(person.id), body, caller)).json()).toMatchObject({ code: 'person_not_yours' });
    expect(world.audit.records).toHaveLength(before);
  });

  it('of any institution can be managed by the operator of the installation', async () => {
    const person = somebody();
    const answer = await call(
      'POST',
      `/people/${person.id}/invitations`,
      { evidence: ['x'] },
      asCaller({ id: 'service:cli', institution: bank }, all),
    );
    expect(answer.statusCode).toBe(201);
    expect(
      (
        await call(
          'GET',
          `/people/${chloe.id}/authenticators`,
          undefined,
          asCaller({ id: chloe.id, institution: bank }, all),
        )
      ).statusCode,
    ).toBe(200);
  });

  it.each<[string, object]>([
    ['no evidence', { evidence: [] }],
    ['too much', { evidence: Array.from({ length: 11 }, () => 'x') }],
    ['a recovery of the caller’s own making', { evidence: ['x'], recovery: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3' }],
    ['a long life', { evidence: ['x'], life_hours: 100 }],
  ])('refuse an invitation with %s', async (_what, body) => {
    const answer = await call('POST', `/people/${somebody().id}/invitations`, body);
    expect(answer.json()).toMatchObject({ status: 400, code: 'request_invalid' });
  });
});
