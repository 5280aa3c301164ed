import type { DepartureEffect } from '@countersign/contracts';
import type { AuthenticatorKeeping } from './register.ts';

/** Who leaves has no authenticator any more; who moves keeps theirs, which their new roles then judge at each use. */
export function departureEffect(register: Pick<AuthenticatorKeeping, 'endOfLeaver'>): DepartureEffect {
  return {
    name: 'authenticators',
    async end({ principal, kind, at, by, reason }) {
      if (kind !== 'leave') return { ended: 0 };
      return { ended: await register.endOfLeaver(principal, by, reason, Date.parse(at)) };
    },
  };
}
