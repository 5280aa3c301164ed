import type { KeyLister } from '@countersign/contracts';
import { createKeyAgeReminders } from '../keys/index.ts';
import type { Ground } from './ground.ts';
import type { Seen } from './seen.ts';

/** Reminds people of the age of our signing keys. @param listers of all processes */
export function startKeyAgeReminders(
  { configuration, common, started }: Ground,
  { notices }: Pick<Seen, 'notices'>,
  listers: readonly KeyLister[],
): void {
  const { keys, operator } = configuration;
  started(
    'reminders of signing keys',
    createKeyAgeReminders({
      listers,
      notices,
      limits: keys,
      operator: operator.lei,
      ...common,
    }),
  );
}
