import type { Authentication, AuthorizationServer, DepartureEffect, TransactionRegistry } from '@countersign/contracts';

/**
 * What ends with a principal that leaves or moves, in this order: first what could still be used to act, then what
 * waits on their word.
 */
export function departureEffects(parts: {
  readonly authorizationServer: Pick<AuthorizationServer, 'revoke'>;
  readonly authentication: Pick<Authentication, 'endAllOf'>;
  readonly transactionRegistry: Pick<TransactionRegistry, 'endAuthorityOf'>;
}): readonly DepartureEffect[] {
  const { authorizationServer, authentication, transactionRegistry } = parts;
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
  ];
}
