import { consentErrors, type Mandate } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import type { Attempt } from '../attempt.ts';
import type { Unit } from '../proof/proven-store.ts';

/**
 * An instruction is good for one transaction: the first that takes a step under it has it for good, whatever becomes of
 * that transaction.
 *
 * @returns CodedError `mandate_instruction_used` of the consent store's vocabulary
 */
export async function instructionFault(
  { transaction }: Pick<Attempt, 'transaction'>,
  mandates: readonly Mandate[],
  unit: Pick<Unit, 'takeInstruction'>,
): Promise<CodedError | undefined> {
  for (const { id, kind } of mandates) {
    if (kind !== 'instruction') continue;
    if (!(await unit.takeInstruction(id, transaction.id)))
      return consentErrors.error(
        'mandate_instruction_used',
        'The instruction has been used for another transaction: it was good for one.',
        { facts: { mandate: id } },
      );
  }
  return undefined;
}
