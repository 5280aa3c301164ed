import type { Decision, DecisionInput, Limits, Obligation, PolicyEngine } from '@countersign/contracts';
import {
  addDecimals,
  type Clock,
  compareDecimals,
  type DecimalString,
  digestOf,
  newId,
  parseDecimal,
  type Random,
  type RecordId,
  subtractDecimals,
  zero,
} from '@countersign/kernel';

export interface SmallPolicyEngine extends Pick<PolicyEngine, 'decide' | 'limits'> {
  /** What it was asked, oldest first. */
  readonly asked: readonly DecisionInput[];
  /** From now on nothing is permitted, and no approval would help. */
  forbid(forbidden: boolean): void;
  used(key: string): string;
}

const published = { schema: '', policies: [] };
/** What the record of the publication says of the policies that are decided by. */
export const publishedPolicies = { version: 1, hash: digestOf(published), ...published } as const;

/** Orders above a million need a supervisor's approval; limits are kept in memory. It decides as the real one promises to. */
export function createSmallPolicyEngine(from: {
  readonly clock: Clock;
  readonly random: Random;
  readonly policyRecord: RecordId;
}): SmallPolicyEngine {
  const asked: DecisionInput[] = [];
  let forbidden = false;
  const limits = createMemoryLimits();

  function obligationsOf({ action, resource }: DecisionInput): readonly Obligation[] {
    if (action !== 'order:create' || resource.type !== 'transaction') return [];
    const notional = resource.facts.intent['max_notional'] as { readonly amount: DecimalString };
    const million = parseDecimal('1000000') ?? zero;
    const enough = compareDecimals(notional.amount, million) <= 0 || resource.facts.approvals.length >= 1;
    return enough ? [] : [{ kind: 'approval', role: 'supervisor', count: 1 }];
  }

  return {
    asked,
    limits,
    used: (key) => limits.used(key),
    forbid(value) {
      forbidden = value;
    },
    async decide(input): Promise<Decision> {
      asked.push(input);
      const obligations = forbidden ? [] : obligationsOf(input);
      const decision = !forbidden && obligations.length === 0;
      const reasons = forbidden
        ? [{ code: 'forbidden_for_the_test', detail: 'Nothing is permitted now.' }]
        : obligations.map(() => ({
            code: 'approval_required',
            detail: 'This intent needs the approval of a supervisor.',
          }));
      return {
        id: newId('decision', from),
        decision,
        policyVersion: publishedPolicies.version,
        policyHash: publishedPolicies.hash,
        determining: decision ? ['order'] : [],
        errors: [],
        reasons,
        obligations,
        entityVersion: 1,
        inputDigest: digestOf(input),
        policyRecord: from.policyRecord,
      };
    },
  };
}

function createMemoryLimits(): Limits & { used(key: string): string } {
  const held = new Map<
    string,
    { readonly reservation: string; readonly key: string; readonly amount: DecimalString }
  >();
  const decimal = (text: string): DecimalString => {
    const value = parseDecimal(text);
    if (value === undefined) throw new Error(`no decimal: ${text}`);
    return value;
  };
  const used = (key: string) =>
    [...held.values()]
      .filter((one) => one.key.startsWith(key))
      .reduce((sum, { amount }) => addDecimals(sum, amount), zero);
  return {
    used,
    async reserve({ reservation, key, window, amount, limit }) {
      const windowed = `${key} ${window}`;
      const name = `${reservation} ${windowed}`;
      if (held.has(name)) return { outcome: 'reserved' };
      const total = addDecimals(used(windowed), decimal(amount.amount));
      if (compareDecimals(total, decimal(limit.amount)) > 0)
        return { outcome: 'exceeded', headroom: subtractDecimals(decimal(limit.amount), used(windowed)) ?? zero };
      held.set(name, { reservation, key: windowed, amount: decimal(amount.amount) });
      return { outcome: 'reserved' };
    },
    async release(reservation) {
      for (const [name, one] of held) if (one.reservation === reservation) held.delete(name);
    },
  };
}
