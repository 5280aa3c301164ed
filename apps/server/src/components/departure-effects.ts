import {
  type Authentication,
  type AuthorizationServer,
  type DepartureEffect,
  type ProposalEnder,
  proposerLapseDetail,
  type TransactionRegistry,
} from '@countersign/contracts';
import { parseInstant } from '@countersign/kernel';

/**
 * The effects when a principal leaves or changes role, in this order: first credentials that still permit actions, then
 * approvals and proposals, then authenticators and devices.
 */
export function departureEffects({
  tokens,
  authentication,
  transactions,
  proposals,
  others,
}: {
  readonly tokens: Pick<AuthorizationServer, 'revoke'>;
  readonly authentication: Pick<Authentication, 'endAllOf'>;
  readonly transactions: Pick<TransactionRegistry, 'endAuthorityOf'>;
  /** Proposals of policies, directory changes and retention. */
  readonly proposals: readonly ProposalEnder[];
  /** The effects on authenticators, devices and recoveries. */
  readonly others: readonly DepartureEffect[];
}): readonly DepartureEffect[] {
  return [
    {
      name: 'tokens',
      async end({ principal, by, reason }) {
        await tokens.revoke({ kind: 'principal', id: principal }, by, reason);
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
      end: ({ principal, kind, by, reason }) => transactions.endAuthorityOf(principal, kind, by, reason),
    },
    {
      name: 'proposals',
      async end({ principal, kind, at, by }) {
        const reason = proposerLapseDetail(kind === 'leave' ? 'left' : 'moved');
        let ended = 0;
        for (const each of proposals)
          ended += await each.endProposalsOf(principal, { before: parseInstant(at) ?? 0, by, reason });
        return { ended };
      },
    },
    ...others,
  ];
}
