import { type AuthorizationServer, type DepartureEffect, proposerLapseDetail } from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';
import type { DecisionParts } from './components/decisions.ts';
import type { EmergencyParts } from './components/emergencies.ts';
import type { LogReaders } from './components/log-readers.ts';
import type { Parties } from './components/parties.ts';
import type { PeopleParts } from './components/people.ts';

/**
 * What ends with a principal that leaves or moves, in this order: first what could still be used to act, then what
 * they approved and what they proposed, then what they were known by.
 */
export function departureEffects({
  authorizationServer,
  authentication,
  transactionRegistry,
  policyEngine,
  directory,
  retention,
  devices,
  recovery,
}: Pick<PeopleParts, 'authentication' | 'devices'> &
  Pick<DecisionParts, 'transactionRegistry' | 'policyEngine'> &
  Pick<Parties, 'directory'> &
  Pick<LogReaders, 'retention'> &
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
    {
      name: 'proposals',
      async end({ principal, kind, at, by }) {
        const reason = proposerLapseDetail(kind === 'leave' ? 'left' : 'moved');
        const ended = { before: parseInstant(at) ?? 0, by, reason };
        const [policies, changes, kept] = [
          await policyEngine.versions.endProposalsOf(principal, ended),
          await directory.endProposalsOf(principal, ended),
          await retention.endProposalsOf(principal, ended),
        ];
        return { ended: policies + changes + kept };
      },
    },
    authentication.authenticators.departureEffect,
    devices.departureEffect,
    recovery.departureEffect,
  ];
}
