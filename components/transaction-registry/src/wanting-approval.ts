import type { TransitionReceipt, TransitionRequest } from '@countersign/contracts';
import { isCodedError, type TransactionId } from '@countersign/kernel';
import { type ApprovalViewDependencies, viewOf } from './approval-view.ts';
import { type TransitionDependencies, transition } from './transition.ts';

type Dependencies = TransitionDependencies & ApprovalViewDependencies;

/**
 * Carries a transaction on. Where that was refused for want of an approval, those whose approval is wanted find it from
 * now on among what waits for them.
 */
export async function transitionAndTell(
  request: TransitionRequest,
  dependencies: Dependencies,
): Promise<TransitionReceipt> {
  try {
    return await transition(request, dependencies);
  } catch (error) {
    if (isCodedError(error) && error.code === 'approval_required')
      await tellApprovers(request.transaction, dependencies);
    throw error;
  }
}

/** The refusal stands whatever becomes of this: it is found out anew when the step is asked for again, or looked at. */
async function tellApprovers(id: TransactionId, dependencies: Dependencies): Promise<void> {
  const { store, logger } = dependencies;
  try {
    const transaction = await store.find(id);
    if (transaction !== undefined) await viewOf(transaction, dependencies);
  } catch (error) {
    logger.warn({ error }, 'what a transaction waits for could not be kept');
  }
}
