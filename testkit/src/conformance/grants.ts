import {
  type Actor,
  type DecidedRequest,
  type Grant,
  type GrantProposal,
  parseClientId,
  parsePrincipalId,
  type RecordType,
} from '@countersign/contracts';
import { newId, systemRandom, toInstant } from '@countersign/kernel';
import { expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import type { FixedClock } from '../fixed-clock.ts';
import { suiteOf, type UnderTest } from './suite.ts';

export interface GrantsUnderTest extends UnderTest<'grants'> {
  readonly clock: FixedClock;
  readonly by: Actor;
  /** A valid proposal: of the scopes `openid` and `order:create`, for one interface, with one intent. */
  readonly proposal: GrantProposal;
  /** Records of a type, oldest first. */
  recorded(type: RecordType): readonly unknown[];
}

let count = 0;

/** Consents of people, recorded before they count. */
export const describeGrants = suiteOf<'grants', GrantsUnderTest>('grants', {
  give(made) {
    it('stores the proposal as the first version of a grant, and records it', async () => {
      const { contract, recorded } = made();
      const before = recorded('consent.given').length;
      const proposal = proposalOf(made());
      const grant = await contract.give(proposal, requestOf(made()));
      expect(grant).toMatchObject({ ...proposal, version: 1, status: 'active' });
      expect(recorded('consent.given')).toHaveLength(before + 1);
      expect(await contract.find(grant.id)).toEqual(grant);
    });

    it('answers a repeated decision about a request with its grant, and records it once', async () => {
      const { contract, recorded } = made();
      const [proposal, request] = [proposalOf(made()), requestOf(made())];
      const grant = await contract.give(proposal, request);
      const before = recorded('consent.given').length;
      expect(await contract.give(proposal, request)).toEqual(grant);
      expect(recorded('consent.given')).toHaveLength(before);
    });

    it('creates one grant when a request is decided twice at once', async () => {
      const { contract } = made();
      const [proposal, request] = [proposalOf(made()), requestOf(made())];
      const both = await Promise.all([contract.give(proposal, request), contract.give(proposal, request)]);
      expect(both[0]?.id).toBe(both[1]?.id);
      expect(await contract.list({ client: proposal.client })).toHaveLength(1);
    });

    it('replaces a request’s grant by another decision about it', async () => {
      const { contract, recorded } = made();
      const [proposal, request] = [proposalOf(made()), requestOf(made())];
      const first = await contract.give(proposal, request);
      const before = recorded('grant.changed').length;
      const second = await contract.give({ ...proposal, scopes: ['openid'], details: [] }, request);
      expect(second).toMatchObject({ id: first.id, version: 2, scopes: ['openid'], details: [] });
      expect(recorded('grant.changed')).toHaveLength(before + 1);
    });

    it('refuses a request whose grant has ended', async () => {
      const { contract, by } = made();
      const [proposal, request] = [proposalOf(made()), requestOf(made())];
      const { id } = await contract.give(proposal, request);
      await contract.revoke(id, by, 'test');
      expect(await codeOf(contract.give(proposal, request))).toBe('grant_revoked');
    });
  },

  deny(made) {
    it('records the denial once for a request, and stores nothing', async () => {
      const { contract, recorded } = made();
      const [{ expiresAt: _, ...refused }, request] = [proposalOf(made()), requestOf(made())];
      const before = recorded('consent.denied').length;
      const record = await contract.deny(refused, request);
      expect(await contract.deny(refused, request)).toBe(record);
      expect(recorded('consent.denied')).toHaveLength(before + 1);
      expect(await contract.list({ client: refused.client })).toEqual([]);
      expect(await contract.deny(refused, requestOf(made()))).not.toBe(record);
    });
  },

  change(made) {
    it('makes a version of the proposed terms, or of both, with the earlier end', async () => {
      const { contract } = made();
      const proposal = proposalOf(made());
      const grant = await contract.give({ ...proposal, scopes: ['openid'], details: [] }, requestOf(made()));
      const later = toInstant(Date.parse(proposal.expiresAt) + 60_000);
      const wanted: GrantProposal = { ...proposal, scopes: ['order:create'], expiresAt: later };
      const merged = await contract.change(grant.id, 'merge', wanted, requestOf(made()));
      expect(merged).toMatchObject({ id: grant.id, version: 2, expiresAt: grant.expiresAt });
      expect([...merged.scopes].sort()).toEqual(['openid', 'order:create']);
      expect(merged.details).toEqual(proposal.details);
      const replaced = await contract.change(grant.id, 'replace', wanted, requestOf(made()));
      expect(replaced).toMatchObject({ version: 3, scopes: ['order:create'], expiresAt: later });
      expect(await contract.find(grant.id)).toEqual(replaced);
    });

    it('takes the sign-in of the proposal', async () => {
      const { contract } = made();
      const grant = await given(made());
      const authTime = grant.authTime + 30;
      const change = { ...proposalLike(grant), acr: 'urn:example:acr:other', authTime };
      expect(await contract.change(grant.id, 'merge', change, requestOf(made()))).toMatchObject({
        acr: 'urn:example:acr:other',
        authTime,
      });
    });

    it('changes nothing when the same decision is repeated', async () => {
      const { contract } = made();
      const grant = await given(made());
      const request = requestOf(made());
      const wanted: GrantProposal = { ...proposalLike(grant), scopes: ['openid'], details: [] };
      const changed = await contract.change(grant.id, 'replace', wanted, request);
      expect(await contract.change(grant.id, 'replace', wanted, request)).toEqual(changed);
    });

    it('refuses a grant that is unknown, somebody else’s, expired, revoked, or for another interface', async () => {
      const { contract, by, clock } = made();
      const grant = await given(made());
      const wanted = proposalLike(grant);
      const codeOfChange = (change: Partial<GrantProposal>, id = grant.id) =>
        codeOf(contract.change(id, 'merge', { ...wanted, ...change }, requestOf(made())));
      expect(await codeOfChange({}, newId('grant', { clock, random: systemRandom }))).toBe('grant_not_found');
      expect(await codeOfChange({ client: proposalOf(made()).client })).toBe('grant_foreign');
      expect(await codeOfChange({ subject: person('somebody.else') })).toBe('grant_foreign');
      expect(await codeOfChange({ resources: ['https://another.example/orders'] })).toBe('grant_not_mergeable');
      const over = await contract.give({ ...wanted, expiresAt: toInstant(clock.now() + 1_000) }, requestOf(made()));
      clock.advance(1_000);
      expect(await codeOfChange({}, over.id)).toBe('grant_expired');
      await contract.revoke(grant.id, by, 'test');
      expect(await codeOfChange({})).toBe('grant_revoked');
    });
  },

  find(made) {
    it('returns the newest version, also of an expired grant, and nothing for an unknown id', async () => {
      const { contract, clock } = made();
      const over = await contract.give(
        { ...proposalOf(made()), expiresAt: toInstant(clock.now() + 1_000) },
        requestOf(made()),
      );
      clock.advance(2_000);
      expect(await contract.find(over.id)).toMatchObject({ id: over.id, status: 'active' });
      expect(await contract.find(newId('grant', { clock, random: systemRandom }))).toBeUndefined();
    });
  },

  revoke(made) {
    it('ends a grant, and records it once however often it is called', async () => {
      const { contract, by, recorded } = made();
      const { id } = await given(made());
      const before = recorded('grant.revoked').length;
      const ended = await contract.revoke(id, by, 'test');
      expect(ended).toMatchObject({ id, status: 'revoked', version: 2 });
      expect(await contract.revoke(id, by, 'again')).toEqual(ended);
      expect(await contract.find(id)).toEqual(ended);
      expect(recorded('grant.revoked')).toHaveLength(before + 1);
    });

    it('refuses an unknown id', async () => {
      const { contract, by, clock } = made();
      const unknown = newId('grant', { clock, random: systemRandom });
      expect(await codeOf(contract.revoke(unknown, by, 'test'))).toBe('grant_not_found');
    });
  },

  revokeAll(made) {
    it('ends those of a client, of a person or of an institution, each recorded, and returns their number', async () => {
      const { contract, by, recorded } = made();
      for (const member of ['client', 'subject', 'institution'] as const) {
        const subject = person(`ending.${++count}`);
        const client = proposalOf(made()).client;
        const base = { ...made().proposal, client, subject };
        const grants = [await contract.give(base, requestOf(made())), await contract.give(base, requestOf(made()))];
        const other = await given(made());
        const standing = await contract.list({ institution: base.institution, status: 'active' });
        const expected = member === 'institution' ? standing.length : 2;
        const before = recorded('grant.revoked').length;
        const of =
          member === 'client' ? { client } : member === 'subject' ? { subject } : { institution: base.institution };
        expect(await contract.revokeAll(of, by, 'test')).toBe(expected);
        expect(recorded('grant.revoked')).toHaveLength(before + expected);
        for (const { id } of grants) expect((await contract.find(id))?.status).toBe('revoked');
        expect((await contract.find(other.id))?.status).toBe(member === 'institution' ? 'revoked' : 'active');
        expect(await contract.revokeAll(of, by, 'test')).toBe(0);
      }
    });
  },

  list(made) {
    it('lists the newest versions by owner, status and end', async () => {
      const { contract, by } = made();
      const proposal = proposalOf(made());
      const [first, second] = [
        await contract.give(proposal, requestOf(made())),
        await contract.give(proposal, requestOf(made())),
      ];
      const third = await contract.revoke(first.id, by, 'test');
      const { client, subject, institution } = proposal;
      const idsOf = async (of: Parameters<typeof contract.list>[0]) =>
        (await contract.list(of)).map(({ id }) => id).sort();
      const both = [first.id, second.id].sort();
      expect(await contract.list({ client })).toEqual(expect.arrayContaining([third, second]));
      expect(await idsOf({ client, subject, institution })).toEqual(both);
      expect(await idsOf({ client, status: 'revoked' })).toEqual([first.id]);
      expect(await idsOf({ client, status: 'active' })).toEqual([second.id]);
      expect(await idsOf({ client, subject: 'person:somebody.else' })).toEqual([]);
      expect(await idsOf({ client, endingAfter: Date.parse(proposal.expiresAt) })).toEqual([]);
      expect(await idsOf({ client, endingAfter: Date.parse(proposal.expiresAt) - 1 })).toEqual(both);
    });

    it('returns a page at a time', async () => {
      const { contract } = made();
      const proposal = proposalOf(made());
      for (let number = 0; number < 3; number += 1) await contract.give(proposal, requestOf(made()));
      const { client } = proposal;
      const whole = await contract.list({ client });
      const page = await contract.list({ client, limit: 2 });
      expect(page).toEqual(whole.slice(0, 2));
      const last = page.at(-1)?.id;
      if (last === undefined) throw new Error('an empty page');
      expect(await contract.list({ client, after: last })).toEqual(whole.slice(2));
    });
  },
});

type Made = Pick<GrantsUnderTest, 'contract' | 'proposal' | 'clock'>;

/** For a client that has no grants yet. */
function proposalOf({ proposal, clock }: Made): GrantProposal {
  const client = parseClientId(`conforming-${++count}`);
  if (client === undefined) throw new Error('not a client id');
  return { ...proposal, client, expiresAt: toInstant(clock.now() + 3_600_000) };
}

function requestOf({ clock }: Made): DecidedRequest {
  return { id: `conforming/${++count}`, askedAt: clock.now() };
}

function given(made: Made): Promise<Grant> {
  return made.contract.give(proposalOf(made), requestOf(made));
}

function proposalLike(grant: Grant): GrantProposal {
  const {
    id: _,
    version: _version,
    status: _status,
    givenAt: _at,
    recordId: _record,
    decision: _decision,
    ...rest
  } = grant;
  return rest;
}

function person(name: string) {
  const id = parsePrincipalId(`person:${name}`);
  if (id === undefined) throw new Error(`not a person: ${name}`);
  return id;
}
