import type { SignInMethod } from '../methods/method.ts';
import { suffices, type TierRules } from '../sessions/tiers.ts';
import type { StoredSignIn } from './sign-in-store.ts';

/** Whether a sign-in by this method can be good enough for who asked. */
export function serves(method: SignInMethod, { need }: Pick<StoredSignIn, 'need'>, rules: TierRules): boolean {
  if (need.intents !== undefined && method.bindsIntents !== true) return false;
  return method.acrs.some((acr) => acceptsClass(need, rules, acr));
}

/** What is needed, with the classes that will do: those that were asked for, of those that the tier accepts. */
export function narrowed(need: StoredSignIn['need'], rules: TierRules): StoredSignIn['need'] {
  const { acrValues } = rules[need.tier];
  if (acrValues === undefined) return need;
  return {
    ...need,
    acrValues: need.acrValues.length === 0 ? acrValues : need.acrValues.filter((acr) => acrValues.includes(acr)),
  };
}

/** A class must be one that was asked for, and one that the tier accepts. */
export function acceptsClass({ acrValues, tier }: StoredSignIn['need'], rules: TierRules, acr: string): boolean {
  return (acrValues.length === 0 || acrValues.includes(acr)) && suffices(rules[tier], acr);
}
