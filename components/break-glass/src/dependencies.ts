import type {
  Actor,
  AuditAppender,
  AuditLog,
  AuthenticatorRegister,
  AuthorizationServer,
  ClientId,
  Directory,
  Notices,
  PersonSignals,
  StandingReader,
  Statements,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { Logger, Metrics } from '@countersign/runtime';
import type pg from 'pg';
import type { BreakGlassConfiguration } from './config.ts';

export interface BreakGlassDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & StandingReader & Pick<AuditLog, 'find'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly statements: Statements;
  readonly register: Pick<AuthenticatorRegister, 'lock' | 'isLocked' | 'invitersOf'>;
  readonly tokens: Pick<AuthorizationServer, 'issueEmergency' | 'revoke'>;
  readonly signals?: Pick<PersonSignals, 'of'>;
  readonly notices: Notices;
  /** The client to which access is issued; from the directory. */
  readonly client: ClientId;
  /** Our own URL; emergency access is for interfaces below it. */
  readonly issuer: string;
  /** The principal of the installation itself. */
  readonly installation: Required<Actor>;
  readonly environment: 'development' | 'production';
  readonly config: BreakGlassConfiguration;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'counter'>;
  /** Default 5,000. */
  readonly everyMs?: number;
}
