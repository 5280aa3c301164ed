import type {
  Actor,
  AskedStatement,
  PersonSignal,
  PersonSignals,
  PrincipalId,
  RecordDraft,
  RevocationTarget,
} from '@countersign/contracts';
import { type RecoveryId, systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase, withoutHeldConnection } from '@countersign/runtime';
import {
  createMemoryLog,
  createMemoryNotices,
  createPeopleKeys,
  createTestDatabase,
  fixedClock,
  leiOf,
  personOf,
} from '@countersign/testkit';
import { createRecovery, type RecoveryConfiguration, recoveryMigrations } from '../index.ts';

export const issuer = 'http://localhost:8080';
const firm = leiOf('529900BROKER');
const otherFirm = leiOf('529900BANK');
const operatorFirm = leiOf('529900OPERATOR');

export const anna = personOf('anna.keller', firm, 'trader');
export const ben = personOf('ben.ito', firm, 'supervisor');
export const bea = personOf('bea.ito', firm, 'desk-head');
export const cora = personOf('cora.lind', firm, 'compliance');
export const dual = personOf('dual.hat', firm, 'supervisor', 'risk');
export const otto = personOf('otto.help', firm, 'operator', 'compliance');
export const eve = personOf('eve.other', otherFirm, 'supervisor', 'compliance');
export const helpDesk: Required<Actor> = { id: 'service:help-desk', institution: firm };
export const foreignDesk: Required<Actor> = { id: 'service:foreign-desk', institution: otherFirm };
export const installation: Required<Actor> = { id: 'service:countersign', institution: operatorFirm };

export type RecoveryWorld = Awaited<ReturnType<typeof createRecoveryWorld>>;

/** A database, people with keys, a log, a clock, and any number of nodes. */
export async function createRecoveryWorld() {
  const database: ScratchDatabase = await createTestDatabase({ components: [recoveryMigrations] });
  const clock = fixedClock(Date.UTC(2026, 10, 21, 9));
  const random = systemRandom;
  const audit = createMemoryLog(clock, { anyReferences: true });
  const admin = database.pool('recovery', { maxConnections: 1 });
  let dyingAfter: RecordDraft['type'] | undefined;
  let meanwhile: { readonly type: RecordDraft['type']; readonly work: () => Promise<unknown> } | undefined;
  const logger = createLogger({ level: 'silent', name: 'test' });
  const keys = createPeopleKeys({ clock, random, origin: issuer });
  const people = new Map([anna, ben, bea, cora, dual, otto, eve].map((each) => [each.id as string, each]));
  const signals = new Map<string, Map<PersonSignal, string>>();
  const notices = createMemoryNotices();
  /** What of the person's was ended, in order. */
  const ended: string[] = [];
  let tokensFail = false;
  const running: ReturnType<typeof createRecovery>[] = [];

  const signalsHere: Pick<PersonSignals, 'of' | 'raise'> = {
    of: (id) => [...(signals.get(id)?.keys() ?? [])].sort(),
    async raise({ person: id, name, until }) {
      ended.push(`signal ${name}`);
      signals.set(id, (signals.get(id) ?? new Map<PersonSignal, string>()).set(name, until));
    },
  };

  function node(config: RecoveryConfiguration = {}) {
    const { register, statements } = keys;
    const recovery = createRecovery({
      pool: database.pool('recovery'),
      audit: {
        ...audit,
        async append(draft) {
          if (draft.type === meanwhile?.type) {
            const { work } = meanwhile;
            meanwhile = undefined;
            await withoutHeldConnection(work);
          }
          const receipt = await audit.append(draft);
          if (draft.type === dyingAfter) {
            dyingAfter = undefined;
            await withoutHeldConnection(() =>
              admin.query(
                `select pg_terminate_backend(pid) from pg_stat_activity
                  where state = 'idle in transaction' and usename = current_user and pid <> pg_backend_pid()`,
              ),
            );
          }
          return receipt;
        },
      },
      // Only people of the snapshot are read.
      directory: { snapshot: () => ({ principal: (id: string) => people.get(id) }) as never },
      register: {
        ...register,
        async revokeAllOf(id, by, reason) {
          const count = await register.revokeAllOf(id, by, reason);
          ended.push(`authenticators ${count}`);
          return count;
        },
        async invite(invitation, by) {
          ended.push('invited');
          return register.invite(invitation, by);
        },
      },
      statements,
      sessions: {
        async endAllOf() {
          ended.push('sessions');
          return 2;
        },
      },
      tokens: {
        async revoke(target: RevocationTarget) {
          if (tokensFail) throw new Error('the list of revocations cannot be written');
          ended.push(`tokens of ${target.id}`);
        },
      },
      signals: signalsHere,
      notices,
      installation,
      environment: 'production',
      config,
      clock,
      random,
      logger,
      // Tests start the rounds.
      everyMs: 3_600_000,
    });
    running.push(recovery);
    return recovery;
  }

  function sign({ id: person }: { readonly id: PrincipalId }, { handle, options }: AskedStatement) {
    return keys.statements.consume({ handle, person, credential: keys.keyOf(person).get(options) });
  }

  return {
    database,
    clock,
    audit,
    keys,
    people,
    signals,
    told: notices.told,
    ended,
    node,
    logger,
    random,
    failTokens(fails: boolean) {
      tokensFail = fails;
    },
    failNotices(fails: boolean) {
      notices.failWith(fails ? new Error('the outbox cannot be written') : undefined);
    },
    /** Work of others that runs when the next record of this type is about to be written. */
    beforeNext(type: RecordDraft['type'], work: () => Promise<unknown>) {
      meanwhile = { type, work };
    },
    /** The next record of this type is written, and the process dies before it has committed. */
    async dyingAfter(type: RecordDraft['type'], command: () => Promise<unknown>) {
      dyingAfter = type;
      await command().catch(() => undefined);
      if (dyingAfter !== undefined) throw new Error(`nothing of type ${type} was recorded`);
    },
    sign,
    /** Requests a challenge, signs with the person's key and approves. */
    async approve(recovery: ReturnType<typeof node>, id: RecoveryId, by: { readonly id: PrincipalId }) {
      return recovery.approve(id, await sign(by, await recovery.askToApprove(id, by.id)));
    },
    async close() {
      for (const each of running) await each.stop();
      await database.drop();
    },
  };
}

export const lost = { person: anna.id, evidence: ['HR file 4711', 'video call 2026-11-21'], reason: 'Lost on a train' };
