import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type Actor,
  type Authenticator,
  createStandingCheck,
  type PersonSignals,
  type PrincipalId,
  type RecordDraft,
} from '@countersign/contracts';
import { newId, systemRandom } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics, pageRoutes, type ScratchDatabase } from '@countersign/runtime';
import {
  createMemoryLog,
  createMemoryNotices,
  createOpenGuard,
  createTestDatabase,
  fixedClock,
  testRowSeal,
  type WebBrowser,
  webBrowser,
} from '@countersign/testkit';
import type { StatementClaims } from '@countersign/webauthn';
import {
  createAttestationAuthority,
  createSoftwareAuthenticator,
  type SoftwareAuthenticator,
  type SoftwareAuthenticatorOptions,
} from '@countersign/webauthn/software-authenticator';
import type { FastifyInstance } from 'fastify';
import { createAuthenticators, type RunningAuthenticators } from '../authenticators/authenticators.ts';
import type { AuthenticatorsConfiguration } from '../authenticators/config.ts';
import { peopleRoutes } from '../authenticators/http.ts';
import { enrolmentRoutes } from '../enrolment/http.ts';
import { authenticationMigrations } from '../index.ts';
import { bank, peopleDirectory } from './people.ts';

export const origin = 'https://id.example';
export const office: Actor = { id: 'person:olga.office' };
const start = Date.UTC(2026, 10, 21, 9);

export interface AuthenticatorNode {
  readonly authenticators: RunningAuthenticators;
  readonly app: FastifyInstance;
  browser(): WebBrowser;
}

export type AuthenticatorWorld = Awaited<ReturnType<typeof createAuthenticatorWorld>>;
type Signal = Parameters<PersonSignals['raise']>[0];

/** A database, a directory, a log, a trusted maker of keys, and a given number of nodes. */
export async function createAuthenticatorWorld() {
  const database: ScratchDatabase = await createTestDatabase({ components: [authenticationMigrations] });
  const clock = fixedClock(start);
  const audit = createMemoryLog(clock, { anyReferences: true });
  const directory = peopleDirectory();
  const logger = createLogger({ level: 'silent', name: 'test' });
  const maker = createAttestationAuthority({ clock });
  const folder = await mkdtemp(join(tmpdir(), 'authenticators-'));
  const rootsFile = join(folder, 'roots.pem');
  writeFileSync(rootsFile, maker.rootPem);
  const notices = createMemoryNotices();
  const signals: Signal[] = [];
  const cut: { readonly person: PrincipalId; readonly reason: string }[] = [];
  const nodes: AuthenticatorNode[] = [];
  let lastRecord: RecordDraft['type'] | undefined;
  let lookedUp = 0;
  const log: typeof audit = {
    ...audit,
    async standings(things) {
      lookedUp += 1;
      return audit.standings(things);
    },
    async append(draft) {
      const recorded = await audit.append(draft);
      if (draft.type === lastRecord) {
        lastRecord = undefined;
        throw new Error('the process died');
      }
      return recorded;
    },
  };

  function node(config: AuthenticatorsConfiguration = {}): AuthenticatorNode {
    const authenticators = createAuthenticators({
      ...{ pool: database.pool('authentication'), directory, clock, random: systemRandom, logger },
      audit: log,
      standings: createStandingCheck({ log, source: 'authentication', clock, random: systemRandom }),
      rowSeal: testRowSeal,
      settings: { origin, environment: 'development' },
      config: { rootsFile, ...config },
      notices,
      signals: {
        raise: async (signal) => void signals.push(signal),
        clear: async (person, name) => {
          const at = signals.findIndex((signal) => signal.person === person && signal.name === name);
          if (at !== -1) signals.splice(at, 1);
        },
      },
      cutOff: async (person, reason) => void cut.push({ person, reason }),
    });
    const app = createHttpServer({ logger, metrics: createMetrics() });
    pageRoutes(app);
    enrolmentRoutes(app, { authenticators, directory, logger, origin, secure: true, banner: undefined });
    peopleRoutes(app, {
      ...{ authenticators, directory, guard: createOpenGuard(), baseUrl: origin },
      isOperator: (institution) => institution === bank,
    });
    const made = { authenticators, app, browser: () => webBrowser(app) };
    nodes.push(made);
    return made;
  }

  /** A key of the trusted maker, with hardware attestation. */
  const key = (options: Partial<SoftwareAuthenticatorOptions> = {}): SoftwareAuthenticator =>
    createSoftwareAuthenticator({ origin, authority: maker, ...options });

  /** Invites a person and registers a key for them. */
  async function enrol(
    { authenticators }: Pick<AuthenticatorNode, 'authenticators'>,
    { id: person }: { readonly id: PrincipalId },
    authenticator: SoftwareAuthenticator,
  ): Promise<Authenticator> {
    const { path } = await authenticators.invite({ person, evidence: ['file 7'] }, office);
    const asked = await authenticators.askInvited(path.slice('/enrol/'.length));
    return authenticators.register({
      ...{ handle: asked.handle, person, credential: authenticator.create(asked.options), name: 'blue key' },
    });
  }

  function claims({ id: iss }: { readonly id: PrincipalId }, more: Partial<StatementClaims> = {}): StatementClaims {
    const iat = Math.floor(clock.now() / 1000);
    return {
      typ: 'test+webauthn',
      iss,
      iat,
      exp: iat + 300,
      jti: newId('approval', { clock, random: systemRandom }),
      ...more,
    };
  }

  return {
    ...{
      database,
      clock,
      audit,
      directory,
      maker,
      notices: notices.told,
      signals,
      cut,
      node,
      key,
      enrol,
      claims,
      folder,
    },
    /** How often nodes have read a status from the log. */
    lookedUp: () => lookedUp,
    /** The process stops when the next record of this type is durable: nothing is stored after it. */
    dieAfter(type: RecordDraft['type']) {
      lastRecord = type;
    },
    async close() {
      for (const { app } of nodes) await app.close();
      await database.drop();
      await rm(folder, { recursive: true });
    },
  };
}
