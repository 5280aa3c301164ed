import { type LogCustody, retentionErrors, type SubjectKey } from '@countersign/contracts';
import { type Clock, type CodedError, digestOf, toInstant } from '@countersign/kernel';
import { erasableFrom } from './age.ts';
import { type Deciding, meanwhile, proposalLifeMs, proposalOf } from './deciding.ts';
import type { RetentionState } from './ledger/fold.ts';
import type { Ledger } from './ledger/ledger.ts';
import type { ErasureKey, ErasureProposal } from './ledger/proposal.ts';
import { readLine } from './plain-text.ts';
import type { Requester } from './requester.ts';
import { momentOf, standingHolds, standingScopes } from './simulations.ts';
import type { Store } from './store.ts';

/** A key, and whether what is under it may be erased. */
export interface KeyStanding extends SubjectKey {
  /** RFC 3339; from then on its retention has passed. */
  readonly erasableFrom: string;
  readonly due: boolean;
}

/** Protected values of a person or an institution, by two people, when their time has passed and no hold stands. */
export interface Erasures {
  /** The keys of a subject; those that are erased as well. */
  keysOf(subject: string): Promise<readonly KeyStanding[]>;
  /**
   * @param request.keys all that are due when left out
   * @throws CodedError `subject_without_values`, `erasure_too_early`, `erasure_held`, `retention_malformed`
   */
  propose(
    request: { readonly subject: string; readonly keys?: readonly string[]; readonly reason: string },
    by: Requester,
  ): Promise<ErasureProposal>;
  /** @throws CodedError `proposal_not_found`, `proposal_settled`, `own_proposal`, `approver_not_independent`, `proposal_outdated`, `erasure_held` */
  approve(id: string, digest: string, by: Requester): Promise<ErasureProposal>;
  /** @throws CodedError `proposal_not_found`, `proposal_settled` */
  reject(id: string, reason: string, by: Requester): Promise<ErasureProposal>;
}

/** A record lists them all. */
const mostKeys = 200;

export function createErasures({
  store,
  ledger,
  custody,
  clock,
  deciding,
  begin,
}: {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly custody: LogCustody;
  readonly clock: Clock;
  readonly deciding: Deciding;
  /** Something was approved that has to be carried out. */
  readonly begin: () => void;
}): Erasures {
  const of = (state: RetentionState, id: string): ErasureProposal => proposalOf(state, id, ['erasure']);

  return {
    async keysOf(subject) {
      const state = await ledger.current();
      return (await custody.keysOf(subject)).map((key) => standingOf(key, state, clock.now()));
    },

    async propose({ subject, keys: wanted, reason: reasonText }, by) {
      const reason = readLine('A reason', reasonText);
      const refuse = (error: CodedError) => ledger.refuse(error, { operation: 'erasure:propose', about: subject }, by);
      const state = await ledger.current();
      const present = (await custody.keysOf(subject)).filter(({ erasedAt }) => erasedAt === undefined);
      const chosen = choose(
        present.map((key) => standingOf(key, state, clock.now())),
        wanted,
      );
      if (!chosen.ok) return refuse(chosen.error);
      const held = await heldError(custody, chosen.keys, state);
      if (held !== undefined) return refuse(held);
      const keys = chosen.keys.map(
        ({ key, region, class: name, year, values, newest }): ErasureKey => ({
          ...{ key, region, class: name, year, values, newest },
        }),
      );
      const digest = digestOf({ subject, keys, reason });
      const id = await ledger.record(
        {
          type: 'erasure.proposed',
          data: {
            ...{ subject, reason, digest },
            keys: keys.map((key) => ({ ...key })),
            schedule: state.schedule.version,
            expires_at: toInstant(clock.now() + proposalLifeMs),
          },
        },
        by,
      );
      return of(await ledger.current(), id);
    },

    async approve(id, digest, by) {
      const refuse = (error: CodedError) => ledger.refuse(error, { operation: 'erasure:approve', about: id }, by);
      const judged = await ledger.current();
      const proposal = of(judged, id);
      const refusal =
        (await deciding.refusalOf(proposal, digest, by)) ??
        (await obstacleTo(proposal, { custody, state: judged, now: clock.now() }));
      if (refusal !== undefined) return refuse(refusal);
      const approved = await store.inTurn(async () => {
        const state = await ledger.current();
        const late =
          deciding.settled(of(state, id)) ?? (state.governedUpTo === judged.governedUpTo ? undefined : meanwhile());
        if (late !== undefined) return refuse(late);
        const { subject, keys, proposal: deed } = proposal;
        await ledger.record(
          {
            type: 'erasure.approved',
            references: [proposal.id],
            data: { proposal: id, digest, subject, keys: keys.map(({ key }) => key), proposed_by: deed.by.id },
          },
          by,
        );
        return of(await ledger.current(), id);
      });
      begin();
      return approved;
    },

    async reject(id, reasonText, by) {
      const reason = readLine('A reason', reasonText);
      return store.inTurn(async () => {
        const proposal = of(await ledger.current(), id);
        const late = deciding.settled(proposal);
        if (late !== undefined) return ledger.refuse(late, { operation: 'erasure:reject', about: id }, by);
        const data = { proposal: id, proposed_by: proposal.proposal.by.id, reason };
        await ledger.record({ type: 'erasure.rejected', references: [proposal.id], data }, by);
        return of(await ledger.current(), id);
      });
    },
  };
}

/**
 * Why this may not be erased now, where it may not: asked when it is proposed, when it is approved, and when it is done.
 */
export async function obstacleTo(
  { subject, keys }: Pick<ErasureProposal, 'subject' | 'keys'>,
  { custody, state, now }: { readonly custody: LogCustody; readonly state: RetentionState; readonly now: number },
): Promise<CodedError | undefined> {
  // A key that was taken into use again since has newer records than the proposal says.
  const present = new Map((await custody.keysOf(subject)).map((key) => [key.key, key]));
  const found = keys.flatMap(({ key }) => present.get(key) ?? []);
  const early = found.map((key) => standingOf(key, state, now)).filter(({ due }) => !due);
  return early.length > 0 ? tooEarly(early) : heldError(custody, keys, state);
}

function standingOf(key: SubjectKey, { schedule }: RetentionState, now: number): KeyStanding {
  const from = erasableFrom(schedule, key.class, momentOf(key.newest));
  return { ...key, erasableFrom: toInstant(from), due: from <= now && key.erasedAt === undefined };
}

type Chosen =
  | { readonly ok: true; readonly keys: readonly KeyStanding[] }
  | { readonly ok: false; readonly error: CodedError };

function choose(present: readonly KeyStanding[], wanted: readonly string[] | undefined): Chosen {
  const named = wanted === undefined ? present : present.filter(({ key }) => wanted.includes(key));
  if (named.length === 0 || (wanted !== undefined && named.length < new Set(wanted).size))
    return refused(
      retentionErrors.error(
        'subject_without_values',
        'Nothing that could be erased is kept for this subject under these keys.',
      ),
    );
  const due = named.filter((key) => key.due);
  if (wanted !== undefined ? due.length < named.length : due.length === 0)
    return refused(tooEarly(named.filter((key) => !key.due)));
  return { ok: true, keys: due.slice(0, mostKeys) };
}

function refused(error: CodedError): Chosen {
  return { ok: false, error };
}

function tooEarly(early: readonly KeyStanding[]): CodedError {
  const [first] = early.map((key) => key.erasableFrom).toSorted();
  return retentionErrors.error(
    'erasure_too_early',
    `Records under these keys have to be kept; the first of them may be erased from ${first ?? 'later'} on.`,
    { facts: { keys: early.map((key) => ({ key: key.key, erasable_from: key.erasableFrom })) } },
  );
}

async function heldError(
  custody: LogCustody,
  keys: readonly Pick<ErasureKey, 'key'>[],
  state: RetentionState,
): Promise<CodedError | undefined> {
  const scopes = await custody.heldKeys(
    keys.map(({ key }) => key),
    standingScopes(state),
  );
  if (scopes.length === 0) return undefined;
  const holding = standingHolds(state).filter(({ scope }) => scopes.includes(scope));
  return retentionErrors.error('erasure_held', 'A legal hold keeps records with values under these keys.', {
    facts: { holds: holding.map(({ id }) => id) },
  });
}
