import { describe, expect, expectTypeOf, it } from 'vitest';
import {
  type Authority,
  endedWith,
  type GivenOnce,
  type GrantHandler,
  grantUses,
  recordIdFor,
  type UsedUp,
} from './grant-handler.ts';

const code: GivenOnce = {
  thing: 'authorization-code:x',
  consume: async () => 'claimed',
  replayed: () => new Error('replayed'),
};
const assertion = {
  purpose: 'authorization-grant',
  issuer: 'https://idp.example',
  id: 'one',
  expiresAt: 1_800_000_000_000,
} as const;

describe('the values that each grant uses up', () => {
  it('are declared for each grant, with a reason where there are none', () => {
    expect(Object.entries(grantUses).map(([way, { uses }]) => [way, uses])).toEqual([
      ['client_credentials', 'nothing'],
      ['authorization_code', 'given'],
      ['urn:openid:params:grant-type:ciba', 'given'],
      ['urn:ietf:params:oauth:grant-type:jwt-bearer', 'assertion'],
      ['refresh_token', 'nothing'],
      ['urn:ietf:params:oauth:grant-type:token-exchange', 'nothing'],
      ['urn:countersign:grant:break-glass', 'nothing'],
    ]);
    for (const use of Object.values(grantUses)) if (use.uses === 'nothing') expect(use.because).not.toBe('');
  });

  it('identify the one record of the token and what it ends', () => {
    expect(recordIdFor(code)).toBe(recordIdFor({ ...code }));
    expect(recordIdFor(code)).not.toBe(recordIdFor({ ...code, thing: 'authorization-code:y' }));
    expect(recordIdFor(assertion)).toBe(recordIdFor({ ...assertion }));
    // An id may be given again once it has ended.
    expect(recordIdFor(assertion)).not.toBe(recordIdFor({ ...assertion, expiresAt: assertion.expiresAt + 1 }));
    expect(recordIdFor(undefined)).toBeUndefined();
    expect([endedWith(code), endedWith(assertion), endedWith(undefined)]).toEqual([['authorization-code:x'], [], []]);
  });

  // Checked when the tests are compiled (`npm run check`).
  it('cannot be omitted or differ from the declaration', () => {
    const authority: Omit<Authority, 'usedUp'> = {
      ...{ subject: 'person:anna.keller', actors: [], ceiling: {}, references: [] },
      ...{ authentication: { method: 'test' }, institution: '529900T8BM49AURSDO55' as Authority['institution'] },
    };
    const given = (usedUp: UsedUp<'authorization_code'>): Authority<'authorization_code'> => ({ ...authority, usedUp });
    expect(given(code).usedUp).toBe(code);
    // @ts-expect-error what a code uses up is left out
    const without: Authority<'authorization_code'> = { ...authority };
    // @ts-expect-error a code is not used up by nothing
    const nothing: Authority<'authorization_code'> = { ...authority, usedUp: undefined };
    // @ts-expect-error a decision on another device is taken, not claimed
    const claimed: Authority<'urn:openid:params:grant-type:ciba'> = { ...authority, usedUp: assertion };
    // @ts-expect-error an assertion is claimed
    const unclaimed: Authority<'urn:ietf:params:oauth:grant-type:jwt-bearer'> = { ...authority, usedUp: undefined };
    // @ts-expect-error a refresh uses nothing up
    const rotated: Authority<'refresh_token'> = { ...authority, usedUp: code };
    // @ts-expect-error a grant says how its parameters are read
    const handler: GrantHandler<'authorization_code'> = { grantType: 'authorization_code' };
    expect([without, nothing, claimed, unclaimed, rotated, handler]).toHaveLength(6);
    expectTypeOf<keyof typeof grantUses>().toEqualTypeOf<
      GrantHandler['grantType'] | 'urn:countersign:grant:break-glass'
    >();
  });
});
