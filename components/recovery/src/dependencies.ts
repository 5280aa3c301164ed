import type {
  Actor,
  AuditAppender,
  AuditLog,
  Authentication,
  AuthenticatorRegister,
  AuthorizationServer,
  Directory,
  Notices,
  PersonSignals,
  StandingReader,
  Statements,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';
import type { RecoveryConfiguration } from './config.ts';

export interface RecoveryDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & StandingReader & Pick<AuditLog, 'find'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly register: Pick<AuthenticatorRegister, 'of' | 'invite' | 'invitersOf' | 'isLocked' | 'revokeAllOf'>;
  readonly statements: Statements;
  readonly sessions: Pick<Authentication, 'endAllOf'>;
  readonly tokens: Pick<AuthorizationServer, 'revoke'>;
  readonly signals: Pick<PersonSignals, 'of' | 'raise'>;
  readonly notices: Notices;
  /** The principal of the installation itself. */
  readonly installation: Required<Actor>;
  readonly environment: 'development' | 'production';
  readonly config: RecoveryConfiguration;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Default 5,000. */
  readonly everyMs?: number;
}
