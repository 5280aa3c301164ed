import type { Commands, RecordedThings } from '@countersign/commands';
import type {
  AuditAppender,
  AuditLog,
  Directory,
  Notices,
  PersonSignals,
  PrincipalId,
  StandingCheck,
  StandingReader,
} from '@countersign/contracts';
import type { AuthenticatorId, Clock, Random } from '@countersign/kernel';
import type { Logger, RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import type { AuthenticatorRow, AuthenticatorStore } from './authenticator-store.ts';
import type { ChallengeStore } from './challenge-store.ts';
import type { AuthenticatorSettings, AuthenticatorsConfiguration } from './config.ts';
import type { InvitationStore } from './invitation-store.ts';
import type { LockStore } from './lock-store.ts';
import type { AuthenticatorKind, AuthenticatorState } from './recorded-authenticator.ts';
import type { InvitationKind } from './recorded-invitation.ts';
import type { AccountLockKind } from './recorded-lock.ts';
import type { Rules } from './rules.ts';

export interface AuthenticatorDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & StandingReader & Pick<AuditLog, 'query' | 'find'>;
  readonly standings: StandingCheck;
  readonly rowSeal: RowSeal;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: { readonly origin: string; readonly environment: 'development' | 'production' };
  readonly config?: AuthenticatorsConfiguration | undefined;
  /** Without it nobody is notified. */
  readonly notices?: Notices | undefined;
  readonly signals?: Pick<PersonSignals, 'raise' | 'clear'> | undefined;
  /** Ends sessions and tokens. Idempotent. */
  readonly cutOff: (person: PrincipalId, reason: string) => Promise<unknown>;
  /** Ends sessions that were started with a removed key. */
  readonly endUnbacked?: (person: PrincipalId) => Promise<unknown>;
}

/** Shared by the files of this folder. */
export interface Parts extends Omit<AuthenticatorDependencies, 'settings' | 'config'> {
  readonly settings: AuthenticatorSettings;
  readonly rules: Rules;
  readonly authenticators: AuthenticatorStore;
  readonly challenges: ChallengeStore;
  readonly invitations: InvitationStore;
  readonly locks: LockStore;
  readonly kinds: {
    readonly authenticator: AuthenticatorKind;
    readonly invitation: InvitationKind;
    readonly lock: AccountLockKind;
  };
  readonly commands: Commands;
  readonly things: RecordedThings<AuthenticatorId, AuthenticatorState, AuthenticatorRow>;
}
