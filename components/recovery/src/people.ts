import {
  type Actor,
  createIndependence,
  type Person,
  type PrincipalId,
  parsePrincipalId,
  type RecoveryFunction,
  recoveryErrors,
  type StandingCheck,
} from '@countersign/contracts';
import { defined, isCodedError } from '@countersign/kernel';
import type { RecoveryDependencies } from './dependencies.ts';
import { type Approver, isUnsettled, judgeApprover, requireWaiting, unknownRecovery } from './judge-approver.ts';
import { openRecoveryThing } from './recorded-recovery.ts';
import type { StoredRecovery } from './store.ts';

/** The people of a recovery, as the directory and the authenticator register know them now. */
export interface People {
  personOf(id: string): Person | undefined;
  mayActFor(by: Actor, institution: string): boolean;
  actorOf(id: PrincipalId): Actor;
  /** Whether the person has an open recovery by the log. @throws CodedError `log_unavailable` */
  isRecovering(id: PrincipalId): Promise<boolean>;
  /** Undefined for people of other institutions. */
  approverOf(id: PrincipalId, stored: StoredRecovery): Promise<Approver | undefined>;
  /** @throws CodedError of `recoveryErrors`; a person of another firm looks like an unknown one */
  functionOf(stored: StoredRecovery, approver: Approver | undefined, now: number): RecoveryFunction;
  mayApprove(stored: StoredRecovery, approver: Approver | undefined, now: number): boolean;
  /** The first approver must still be eligible at the second approval. @throws CodedError `recovery_approver_unsettled` */
  requireStillApproved(stored: StoredRecovery): Promise<void>;
}

export function createPeople(
  dependencies: Pick<RecoveryDependencies, 'directory' | 'register' | 'signals' | 'installation'> & {
    readonly standings: StandingCheck;
    readonly functions: readonly RecoveryFunction[];
  },
): People {
  const { directory, register, signals, installation, standings, functions } = dependencies;
  const independent = createIndependence(register);

  async function isRecovering(id: PrincipalId): Promise<boolean> {
    return (await standings.standing([openRecoveryThing(id)])).size > 0;
  }

  async function accountOf(id: PrincipalId) {
    const [locked, recovering] = await Promise.all([register.isLocked(id), isRecovering(id)]);
    return { locked, signals: signals.of(id), recovering };
  }

  function personOf(id: string): Person | undefined {
    const principal = directory.snapshot().principal(id);
    return principal?.kind === 'person' ? principal : undefined;
  }

  return {
    personOf,
    isRecovering,
    mayActFor: (by, institution) => by.institution === institution || by.institution === installation.institution,
    actorOf(id) {
      const institution = personOf(id)?.institution;
      return { id, ...defined({ institution }) };
    },

    async approverOf(approver, { institution, approvals }) {
      const person = personOf(approver);
      if (person === undefined || person.institution !== institution) return undefined;
      const id = principalOf(person.id);
      const before = approvals.map(({ by }) => by);
      const [inviters, apart, account] = await Promise.all([
        register.invitersOf(id),
        independent([id], before),
        accountOf(id),
      ]);
      return { person, inviters, independent: apart, ...account };
    },

    functionOf(stored, approver, now) {
      if (approver === undefined) throw unknownRecovery();
      requireWaiting(stored, now);
      const judged = judgeApprover(stored, approver, functions);
      if (isCodedError(judged)) throw judged;
      return judged;
    },
    mayApprove: (stored, approver, now) =>
      approver !== undefined &&
      stored.status === 'waiting' &&
      stored.expiresAt > now &&
      !isCodedError(judgeApprover(stored, approver, functions)),

    async requireStillApproved({ approvals, institution }) {
      for (const { by, function: name } of approvals) {
        const person = personOf(by);
        const roles = functions.find((each) => each.name === name)?.roles ?? [];
        const speaks = person?.institution === institution && person.roles.some((role) => roles.includes(role));
        if (!speaks || isUnsettled(await accountOf(by)))
          throw recoveryErrors.error(
            'recovery_approver_unsettled',
            'A person who approved it may no longer do so. Cancel this recovery and open a new one.',
          );
      }
    },
  };
}

function principalOf(text: string): PrincipalId {
  const id = parsePrincipalId(text);
  if (id === undefined) throw new Error(`the directory has a person without a principal id: ${text}`);
  return id;
}
