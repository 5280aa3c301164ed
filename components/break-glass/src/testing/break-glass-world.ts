import {
  type ClientId,
  type Declaration,
  emergencyScopes,
  type PersonSignal,
  type PrincipalId,
  parseClientId,
  parseResourceUri,
  type RecordDraft,
  type Resource,
  type RevocationTarget,
} from '@countersign/contracts';
import { type IncidentId, newId, parseDigest, systemRandom, toInstant } from '@countersign/kernel';
import { createKeyCache } from '@countersign/oauth';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import {
  createMemoryLog,
  createMemoryNotices,
  createPeopleKeys,
  createTestDatabase,
  fixedClock,
  leiOf,
  personOf,
} from '@countersign/testkit';
import { type BreakGlassConfiguration, breakGlassMigrations, createBreakGlass } from '../index.ts';

export const origin = 'http://localhost:8080';
const firm = leiOf('529900BROKER');
const otherFirm = leiOf('529900BANK');

export const fay = personOf('fay.first', firm, 'break-glass', 'operator');
export const sam = personOf('sam.second', firm, 'break-glass', 'operator');
export const tom = personOf('tom.third', firm, 'break-glass', 'compliance');
export const cora = personOf('cora.lind', firm, 'compliance');
export const anna = personOf('anna.keller', firm, 'trader');
export const eve = personOf('eve.other', otherFirm, 'break-glass', 'compliance');
export const installation = { id: 'service:countersign', institution: otherFirm };

const uri = parseResourceUri(`${origin}/transactions`);
const foreignUri = parseResourceUri('https://elsewhere.example/transactions');
/** The key of RFC 8037, appendix A.3: its thumbprint. */
const digest = parseDigest('kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
const client: ClientId | undefined = parseClientId('countersign-cli');
if (uri === undefined || foreignUri === undefined || digest === undefined || client === undefined)
  throw new Error('a fixture that its own parser refuses');
export const foreignResource = foreignUri;
export const thumbprint = createKeyCache().import({
  kty: 'OKP',
  crv: 'Ed25519',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
}).thumbprint;

export const stopOrders: Declaration = {
  reason: 'The order gateway sends duplicates; every open order has to be cancelled.',
  reference: 'INC-2026-118',
  resource: uri,
  scopes: ['order:read', 'order:cancel'],
  jkt: digest,
};

export type BreakGlassWorld = Awaited<ReturnType<typeof createBreakGlassWorld>>;

/** A database, people with keys, a log, a clock, and any number of nodes. */
export async function createBreakGlassWorld() {
  const database: ScratchDatabase = await createTestDatabase({ components: [breakGlassMigrations] });
  const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
  const random = systemRandom;
  const audit = createMemoryLog(clock, { anyReferences: true });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const keys = createPeopleKeys({ clock, random, origin });
  const people = new Map([fay, sam, tom, cora, anna, eve].map((each) => [each.id as string, each]));
  const { told, notify } = createMemoryNotices();
  const issued: { readonly scopes: readonly string[]; readonly lifetimeSeconds: number; readonly jkt: string }[] = [];
  const revoked: RevocationTarget[] = [];
  const signals = new Map<string, readonly PersonSignal[]>();
  const failing = new Set<'locks' | 'notices' | 'revocations'>();
  let lastRecord: RecordDraft['type'] | undefined;
  const running: ReturnType<typeof createBreakGlass>[] = [];
  const resource: Resource = {
    uri: stopOrders.resource,
    institution: otherFirm,
    scopes: [
      'order:create',
      'withdrawal:request',
      ...emergencyScopes.filter((scope) => /^(?:order|trade):/.test(scope)),
    ],
    tokenFormat: 'jwt',
  };

  const directory = {
    snapshot: () =>
      // Only people and interfaces of the snapshot are read.
      ({
        principal: (id: string) => people.get(id),
        resource: (asked: string) => (asked === resource.uri ? resource : undefined),
        resources: () => [resource],
      }) as never,
  };

  function node(config: BreakGlassConfiguration = {}) {
    const breakGlass = createBreakGlass({
      pool: database.pool('break-glass'),
      audit: {
        ...audit,
        async append(draft) {
          const appended = await audit.append(draft);
          if (draft.type !== lastRecord) return appended;
          lastRecord = undefined;
          throw new Error('the process died');
        },
      },
      directory,
      statements: keys.statements,
      register: {
        invitersOf: keys.register.invitersOf,
        isLocked: keys.register.isLocked,
        async lock(id, by, reason) {
          if (failing.has('locks')) throw new Error('accounts cannot be locked');
          await keys.register.lock(id, by, reason);
        },
      },
      tokens: {
        async issueEmergency({ scopes, lifetimeSeconds, jkt }) {
          issued.push({ scopes, lifetimeSeconds, jkt });
          return {
            accessToken: `token-${issued.length}`,
            tokenId: newId('token', { clock, random }),
            recordId: newId('record', { clock, random }),
            expiresAt: toInstant(clock.now() + Math.min(lifetimeSeconds, 300) * 1000),
          };
        },
        async revoke(target) {
          if (failing.has('revocations')) throw new Error('tokens cannot be revoked');
          revoked.push(target);
        },
      },
      signals: { of: (id) => signals.get(id) ?? [] },
      notices: {
        async notify(notice) {
          if (failing.has('notices')) throw new Error('nobody can be told');
          await notify(notice);
        },
      },
      client: client as ClientId,
      issuer: origin,
      installation,
      environment: 'production',
      config,
      clock,
      random,
      logger,
      // Tests start the rounds.
      everyMs: 3_600_000,
    });
    running.push(breakGlass);
    return breakGlass;
  }

  type Node = ReturnType<typeof node>;
  type Who = { readonly id: PrincipalId };
  async function sign(who: Who, { handle, options }: Awaited<ReturnType<Node['askToSecond']>>) {
    return keys.statements.consume({ handle, person: who.id, credential: keys.keyOf(who.id).get(options) });
  }

  return {
    database,
    clock,
    audit,
    keys,
    people,
    directory,
    deed: {
      id: newId('record', { clock, random }),
      type: 'transaction.transitioned',
      source: 'transaction-registry',
      outcome: 'permit',
    } as const,
    told,
    issued,
    revoked,
    signals,
    logger,
    random,
    node,
    sign,
    /** Makes the named work of other components fail; without arguments it succeeds again. */
    fail(...what: readonly ('locks' | 'notices' | 'revocations')[]) {
      failing.clear();
      for (const each of what) failing.add(each);
    },
    /** The process dies when the next record of this type is durable: nothing is stored after it. */
    dieAfter(type: RecordDraft['type']) {
      lastRecord = type;
    },
    async declare(breakGlass: Node, who: Who = fay, declaration = stopOrders) {
      return breakGlass.declare(declaration, await sign(who, await breakGlass.askToDeclare(declaration, who.id)));
    },
    async second(breakGlass: Node, id: IncidentId, who: Who = sam) {
      return breakGlass.second(id, await sign(who, await breakGlass.askToSecond(id, who.id)));
    },
    async review(breakGlass: Node, id: IncidentId, who: Who = cora) {
      const note = 'Looked at each order that was cancelled';
      return breakGlass.review(
        id,
        'justified',
        note,
        await sign(who, await breakGlass.askToReview(id, 'justified', note, who.id)),
      );
    },
    async close() {
      for (const each of running) await each.stop();
      await database.drop();
    },
  };
}
