import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { digestOfSubject, isExcluded, readSubject } from './subject.ts';

const user = { format: 'iss_sub', iss: 'https://idp.example', sub: 'person:a' };
const session = { format: 'opaque', id: 'ses_1' };
const tenant = { format: 'opaque', id: '5493001KJTIIGC8Y1R12' };
const whole = { format: 'complex', user, session, tenant } as const;

describe('a subject identifier', () => {
  it.each([
    { format: 'account', uri: 'acct:example.user@service.example.com' },
    { format: 'email', email: 'user@example.com' },
    user,
    session,
    { format: 'phone_number', phone_number: '+12065550100' },
    { format: 'did', url: 'did:example:123456' },
    { format: 'uri', uri: 'https://user.example.com/' },
    { format: 'jwt_id', iss: 'https://idp.example.com/123456789/', jti: 'B70BA622-9515-4353-A866-823539EECBC8' },
    { format: 'saml_assertion_id', issuer: 'https://idp.example.com/123456789/', assertion_id: '_8e8dc5f6' },
    { format: 'ip-addresses', 'ip-addresses': ['10.29.37.75', '2001:0db8:0000::'] },
    whole,
  ])('is read as %j, including the examples of RFC 9493 and of the framework', (subject) => {
    expect(readSubject(subject)).toEqual(subject);
  });

  it('is the same in whatever order its members come', () => {
    const { iss, sub, format } = user;
    expect(digestOfSubject({ sub, format, iss })).toBe(digestOfSubject(user));
    expect(digestOfSubject({ ...user, sub: 'person:b' })).not.toBe(digestOfSubject(user));
  });

  it('is read or refused, whatever JSON it is', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        const read = readSubject(json as never);
        if (read !== undefined) expect(read).toEqual(json);
      }),
    );
  });
});

describe('a subject removed from a stream', () => {
  it.each([
    ['the same', whole, whole],
    ['a part of it', whole, user],
    ['some of its members', whole, { format: 'complex', user, tenant }],
    ['the same simple one', user, user],
  ])('suppresses an event about %s', (_, subject, excluded) => {
    expect(isExcluded(subject, new Set([digestOfSubject(excluded)]))).toBe(true);
  });

  it.each([
    ['another', user, { ...user, sub: 'person:b' }],
    ['one member that differs', whole, { format: 'complex', user, session: { format: 'opaque', id: 'ses_2' } }],
    ['a member more than the event names', { format: 'complex', user }, whole],
    ['the same under another member', { format: 'complex', user: session }, { format: 'complex', session }],
    ['a part that the event is not in', session, whole],
  ])('does not suppress an event for %s', (_, subject, excluded) => {
    expect(isExcluded(subject, new Set([digestOfSubject(excluded)]))).toBe(false);
  });

  it('is found without scanning the removed subjects', () => {
    const asked: string[] = [];
    const many = { size: 1_000, has: (digest: string) => asked.push(digest) < 0 } as unknown as ReadonlySet<string>;
    expect(isExcluded(whole, many)).toBe(false);
    // The subject, each of its three members, and every combination of them.
    expect(asked.length).toBe(1 + 3 + 7);
  });
});
