import type { AuthorizationServer, DepartureEffect } from '@countersign/contracts';
import type { DecisionParts } from './components/decisions.ts';
import type { EmergencyParts } from './components/emergencies.ts';
import type { PeopleParts } from './components/people.ts';

/**
 * What ends with a principal that leaves or moves, in this order: first what could still be used to act, then what
 * waits on their word, then what they were known by.
 */
export function departureEffects({
  authorizationServer,
  authentication,
  transactionRegistry,
  devices,
  recovery,
}: Pick<PeopleParts, 'authentication' | 'devices'> &
  Pick<DecisionParts, 'transactionRegistry'> &
  Pick<EmergencyParts, 'recovery'> & {
    readonly authorizationServer: Pick<AuthorizationServer, 'revoke'>;
  }): readonly DepartureEffect[] {
  return [
    {
      name: 'tokens',
      async end({ principal, by, reason }) {
        await authorizationServer.revoke({ kind: 'principal', id: principal }, by, reason);
        return { ended: 1 };
      },
    },
    {
      name: 'sessions',
      async end({ principal, kind }) {
        return {
          ended: await authentication.endAllOf(principal, kind === 'leave' ? 'principal_left' : 'principal_moved'),
        };
      },
    },
    {
      name: 'approvals',
      end: ({ principal, kind, by, reason }) => transactionRegistry.endAuthorityOf(principal, kind, by, reason),
    },
    authentication.authenticators.departureEffect,
    devices.departureEffect,
    recovery.departureEffect,
  ];
}
