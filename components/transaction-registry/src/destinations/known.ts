import type { hasArrivedBefore } from '../store/lives.ts';
import type { StoredTransaction } from '../store.ts';

/** In these states what was sent has arrived. */
const arrived = ['confirmed', 'settled'] as const;

/**
 * Whether what a transaction sends has arrived at the same destination before, for the same institution: a first time
 * is looked at more closely. Undefined for what sends nothing.
 */
export async function destinationKnown(
  { destinationKey, initiatorInstitution }: Pick<StoredTransaction, 'destinationKey' | 'initiatorInstitution'>,
  store: { hasArrivedBefore(about: Parameters<typeof hasArrivedBefore>[1]): Promise<boolean> },
): Promise<boolean | undefined> {
  if (destinationKey === null) return undefined;
  return store.hasArrivedBefore({ institution: initiatorInstitution, destinationKey, arrived });
}
