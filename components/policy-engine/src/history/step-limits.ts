import { addDecimals, compareDecimals, type Json, parseDecimal } from '@countersign/kernel';
import { type LimitFinding, readFinding } from '../decision/limit-finding.ts';
import { memberOf, parsed } from './json-members.ts';

/** What the record of a step says of limits, as texts; `''` where it says nothing. */
export interface StepTexts {
  /** Of the error, where the step was refused. */
  readonly facts: string;
  readonly limits: string;
}

/**
 * What limits a step of a transaction was held to. Its record has them beside the decision, which the policies alone have
 * made: taken steps in `data.limits`, refused ones in `data.facts`. Undefined where it was held to none that can be read.
 */
export function stepFinding({ facts, limits }: StepTexts): LimitFinding | undefined {
  if (limits !== '') return findingOf('reserved', parsed(limits));
  const readings = facts === '' ? undefined : memberOf(parsed(facts), 'readings');
  const found = readings === undefined ? undefined : findingOf('exceeded', readings);
  const exceeded = found?.readings.filter(isExceeded) ?? [];
  return found === undefined || exceeded.length === 0 ? undefined : { ...found, exceeded };
}

function findingOf(outcome: 'reserved' | 'exceeded', readings: unknown): LimitFinding | undefined {
  // What JSON.parse has made is JSON; its reader looks at every member.
  return readFinding({ outcome, readings: readings as Json, exceeded: [], approvals: [], uncountable: [] });
}

function isExceeded({ used, amount, most, passedBy }: LimitFinding['readings'][number]): boolean {
  const [before, wanted, allowed] = [parseDecimal(used), parseDecimal(amount), parseDecimal(most)];
  if (before === undefined || wanted === undefined || allowed === undefined || passedBy !== undefined) return false;
  return compareDecimals(addDecimals(before, wanted), allowed) > 0;
}
