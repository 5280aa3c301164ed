import { CodedError } from '@countersign/kernel';
import type { Attempt } from './attempt.ts';
import { partiesByPart } from './life-cycles/index.ts';

/**
 * Whether an institution is told why a transaction may not be carried on: who began it, for whom, and the broker that
 * carries it out for them. To a clearing firm, a custodian or a counterparty the limits of a mandate, or what compliance
 * thinks of somebody, is none of theirs: they learn that it may not, by code.
 */
export function isToldWhy({ asked, transaction }: Pick<Attempt, 'asked' | 'transaction'>): boolean {
  const { initiatorInstitution, detail } = transaction;
  const brokers = partiesByPart(transaction).get('ExecutingBroker') ?? [];
  return [initiatorInstitution, detail.entity_lei, ...brokers].some((lei) => lei === asked.institution);
}

/** A refusal as whoever asked may hear it; the record says all of it. */
export function toldTo(attempt: Pick<Attempt, 'asked' | 'transaction'>, fault: CodedError): CodedError {
  if (isToldWhy(attempt)) return fault;
  const { code, category } = fault;
  return new CodedError({ code, category, detail: 'Whoever began it may not carry it on now; they are told why.' });
}
