import { type GrantRegister, oauthErrors, type RevocationTarget } from '@countersign/contracts';
import { type Clock, epochSeconds, parseId } from '@countersign/kernel';
import { entryOf } from '../revocations/entries-of-record.ts';
import type { Revocations } from '../revocations/index.ts';
import { createLiveEntries } from '../revocations/live-entries.ts';

/** The live list alone: its entries take effect at once, without a log. */
export function liveRevocations({
  clock,
  grants,
}: {
  readonly clock: Clock;
  readonly grants: Pick<GrantRegister, 'revoke'>;
}): Revocations & {
  readonly ended: readonly RevocationTarget[];
  /** From now on the list is out of contact with the log, or back in contact. */
  lose(lost: boolean): void;
} {
  const live = createLiveEntries();
  const ended: RevocationTarget[] = [];
  let lost = false;
  return {
    ended,
    lose(now) {
      lost = now;
    },
    endedBy(claims) {
      if (lost) throw oauthErrors.error('temporarily_unavailable', 'What has been revoked cannot be told.');
      return live.endedBy(claims);
    },
    async revoke(target, by, reason) {
      ended.push(target);
      live.apply(entryOf(target, epochSeconds(clock.now())));
      const grant = target.kind === 'grant' ? parseId('grant', target.id) : undefined;
      if (grant !== undefined) await grants.revoke(grant, by, reason);
    },
    readOn: async () => undefined,
    list: async () => '',
    stop: async () => undefined,
  };
}
