import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { actClaimOf, maxActors, parseActChain, pushActor } from './act-chain.ts';

describe('the chain of actors', () => {
  it('is read with the current actor first, and written back the same', () => {
    const act = { sub: 'service:clearing', act: { sub: 'service:venue', act: { sub: 'service:oms' } } };
    const actors = parseActChain(act);
    expect(actors).toEqual(['service:clearing', 'service:venue', 'service:oms']);
    expect(actClaimOf(actors)).toEqual(act);
    expect(parseActChain(undefined)).toEqual([]);
    expect(actClaimOf([])).toBeUndefined();
  });

  it('survives any chain of distinct actors that was pushed one by one', () => {
    const names = fc.uniqueArray(fc.stringMatching(/^service:[a-z]{1,8}$/), { maxLength: maxActors });
    fc.assert(
      fc.property(names, (actors) => {
        const chain = actors.reduce<readonly string[]>((so, actor) => pushActor(so, actor, 'person:anna'), []);
        expect(parseActChain(actClaimOf(chain) as never)).toEqual([...actors].reverse());
      }),
    );
  });

  it('does not grow past four actors', () => {
    const four = ['service:d', 'service:c', 'service:b', 'service:a'];
    expect(() => pushActor(four, 'service:e', 'person:anna')).toThrow(
      expect.objectContaining({ code: 'act_too_deep' }),
    );
    expect(() => parseActChain(actClaimOf(['service:e', ...four]) as never)).toThrow(
      expect.objectContaining({ code: 'act_too_deep' }),
    );
  });

  it.each([
    ['the subject', 'person:anna'],
    ['the current actor', 'service:b'],
    ['an earlier actor', 'service:a'],
  ])('does not return to %s', (_, actor) => {
    expect(() => pushActor(['service:b', 'service:a'], actor, 'person:anna')).toThrow(
      expect.objectContaining({ code: 'act_loop' }),
    );
  });

  it('is refused if it names one actor twice', () => {
    expect(() => parseActChain({ sub: 'a', act: { sub: 'b', act: { sub: 'a' } } })).toThrow(
      expect.objectContaining({ code: 'act_loop' }),
    );
  });

  it.each([
    ['text'],
    [null],
    [[{ sub: 'a' }]],
    [{}],
    [{ sub: '' }],
    [{ sub: 5 }],
    [{ sub: 'a', iss: 'https://x' }],
    [{ sub: 'a', act: null }],
    [{ sub: 'a', act: 'b' }],
  ])('is refused when it is %j', (act) => {
    expect(() => parseActChain(act)).toThrow(expect.objectContaining({ code: 'act_malformed' }));
  });
});
