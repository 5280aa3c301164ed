import {
  createLoggedCommands,
  createSecondPerson,
  type DualControl,
  type LoggedCommand,
  type LoggedKind,
  statusAt,
  type WaitingProposal,
} from '@countersign/commands';
import {
  type DirectorySnapshot,
  ended,
  type HaltingParty,
  type HaltTarget,
  haltErrors,
  haltSubject,
  haltsInForce,
  type ProposalEnder,
  peopleOf,
  type RecordDraft,
  type Requester,
  recordedRequester,
  sharePeople,
  standing,
} from '@countersign/contracts';
import {
  type CodedError,
  digestOf,
  isVisibleText,
  newId,
  parseInstant,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { takeNamedLock } from '@countersign/runtime';
import type { HaltDependencies } from './dependencies.ts';
import { createLedger, type HaltState, type HaltsState, type ReleaseState } from './ledger.ts';

/** The kill switch: one person stops trading, two others release it. Halts exist as records only. */
export interface Halt extends ProposalEnder {
  /**
   * Halts a target. The record is durable, and every node refuses, before this returns. Tripping it again is recorded too, and ends
   * a proposed release.
   *
   * @throws CodedError `halt_target_unknown`, `halt_invalid`
   */
  trip(target: HaltTarget, reason: string, by: Requester): Promise<HaltState>;
  /** Halts that the caller's institution may see, newest first. */
  list(by: Requester, status: 'in-force' | 'released' | undefined): Promise<readonly HaltState[]>;
  /** @throws CodedError `halt_unknown` */
  find(id: string, by: Requester): Promise<HaltState>;
  /** @throws CodedError `halt_unknown`, `halt_not_in_force`, `halt_own_trip` */
  proposeRelease(id: string, reason: string, by: Requester): Promise<ReleaseState>;
  releasesOf(halt: HaltState): Promise<readonly ReleaseState[]>;
  /** @throws CodedError of `haltErrors` */
  approveRelease(id: string, digest: string, by: Requester): Promise<ReleaseState>;
  rejectRelease(id: string, reason: string, by: Requester): Promise<ReleaseState>;
  statusOf(release: ReleaseState): ReleaseState['status'] | 'expired';
}

const { error } = haltErrors;
const source = 'halt';

/** The rule of two people for the release of a halt. */
export const haltRelease = {
  what: 'release of the halt',
  approves: 'digest',
  waitsMs: 86_400_000,
  quorum: 1,
  proposer: 'keeps-right',
  separates: { scopes: [['halt:trip', 'halt:release'], ['halt:approve']] },
  codes: {
    settled: 'halt_release_settled',
    expired: 'halt_release_settled',
    self: 'halt_own_release',
    digest: 'halt_release_outdated',
    dependent: 'halt_approver_dependent',
    gone: 'halt_releaser_gone',
  },
  error,
} as const satisfies DualControl<keyof typeof haltErrors.codes>;

type Command<Ask, Answer> = LoggedCommand<Ask, string, HaltsState, undefined, Answer>;
interface Deciding {
  readonly id: RecordId;
  readonly by: Requester;
  readonly reason?: string;
  readonly refusal?: CodedError | undefined;
}
interface Tripping {
  readonly target: HaltTarget;
  readonly party: HaltingParty;
  readonly reason: string;
  readonly by: Requester;
  readonly mayTrip: boolean;
}
interface Releasing {
  /** Of the new record. */
  readonly id: RecordId;
  readonly halt: string;
  readonly reason: string;
  readonly by: Requester;
}

/** Steps that are empty in every command here. */
const plain = { facts: async () => undefined, after: async () => undefined, done: () => undefined } as const;

export function createHalt(dependencies: HaltDependencies): Halt {
  const { pool, audit, directory, operator, clock, random, logger } = dependencies;
  const ledger = createLedger({ log: audit, logger });
  const commands = createLoggedCommands({ pool, log: audit, source, clock });
  const second = createSecondPerson(haltRelease, dependencies);
  const lock: LoggedKind<string, HaltsState>['lock'] = (session) => takeNamedLock(session, 'halts');
  const read = () => ledger.current();

  const partyOf = ({ institution }: Requester): HaltingParty =>
    institution === undefined || institution === operator ? 'operator' : institution;

  const refusal = (operation: string, about: string, fault: CodedError, by: Requester): RecordDraft | undefined =>
    fault.category === 'unavailable' || fault.category === 'invalid'
      ? undefined
      : {
          id: newId('record', { clock, random }),
          source,
          ...recordedRequester(by),
          type: 'access.refused',
          outcome: 'deny',
          reason: fault.code,
          data: { operation, about: about.slice(0, 300) },
        };
  const decisions = { kind: 'halt-decision', lock, read };

  const trip: Command<Tripping, HaltState> = {
    ...plain,
    kind: { kind: 'halt', lock, read },
    about: ({ target, party }) => haltSubject(target, party).slice('halt:'.length),
    async check({ ask: { target, mayTrip } }) {
      if (!mayTrip)
        throw error(
          'halt_target_unknown',
          `Your institution cannot halt a ${target.kind} with this id. Check the kind and the id in the directory.`,
        );
    },
    record({ ask: { target, party, by, reason }, state }) {
      const before = state.inForce.get(haltSubject(target, party))?.trips.at(-1)?.record;
      return {
        type: 'halt.tripped',
        outcome: 'done',
        ...recordedRequester(by),
        ...(before === undefined ? {} : { references: [before] }),
        standing: [standing(haltsInForce, { halted: true })],
        data: { kind: target.kind, id: target.id, party, reason, ...(before === undefined ? {} : { again: before }) },
      };
    },
    ends: false,
    refused: (fault, { ask: { target, by } }) => refusal('halt:trip', `${target.kind}:${target.id}`, fault, by),
    release: (state, record) => haltOf(state, record),
  };

  const propose: Command<Releasing, ReleaseState> = {
    ...plain,
    kind: { kind: 'halt-release', lock, read },
    about: ({ id }) => id,
    async check({ ask: { halt, by }, state }) {
      const fault = releaseFault(state, halt, by);
      if (fault !== undefined) throw fault;
    },
    record({ ask: { halt, reason, by }, state, now }) {
      const { kind, id, party, ...of } = haltOf(state, halt);
      const proposed = { kind, id, party, reason, halt: latestTrip(of) };
      return {
        type: 'halt.release-proposed',
        outcome: 'done',
        ...recordedRequester(by),
        references: [proposed.halt],
        data: { ...proposed, expires_at: toInstant(now + haltRelease.waitsMs), digest: digestOf(proposed) },
      };
    },
    ends: false,
    refused: (fault, { ask }) => refusal('halt:release', ask.halt, fault, ask.by),
    release: releaseOf,
  };

  const decision = ({ id, digest, proposal, halt }: ReleaseState, of: HaltState) => ({
    ...{ kind: of.kind, id: of.id, party: of.party, halt },
    ...{ proposal: id, digest, proposed_by: proposal.by.id },
  });

  const approve: Command<Deciding, HaltsState> = {
    ...plain,
    kind: decisions,
    about: ({ id }) => id,
    async check({ ask, state }) {
      const release = releaseOf(state, ask.id);
      const fault = ask.refusal ?? second.settled(waiting(release)) ?? releaseFault(state, release.halt, ask.by);
      if (fault !== undefined) throw fault;
    },
    record({ ask, state }) {
      const release = releaseOf(state, ask.id);
      const halt = haltOf(state, release.halt);
      const isLast = state.inForce.size === 1;
      return {
        type: 'halt.released',
        outcome: 'done',
        ...recordedRequester(ask.by),
        references: [release.id, release.halt],
        standing: [ended(haltSubject(halt, halt.party)), ...(isLast ? [ended(haltsInForce)] : [])],
        data: decision(release, halt),
      };
    },
    ends: true,
    refused: (fault, { ask }) => refusal('halt:approve', ask.id, fault, ask.by),
    release: (state) => state,
  };

  const reject: Command<Deciding, HaltsState> = {
    ...plain,
    kind: decisions,
    about: ({ id }) => id,
    async check({ ask, state }) {
      const fault = second.settled(waiting(releaseOf(state, ask.id)));
      if (fault !== undefined) throw fault;
    },
    record({ ask, state }) {
      const release = releaseOf(state, ask.id);
      return {
        type: 'halt.release-rejected',
        outcome: 'done',
        ...recordedRequester(ask.by),
        references: [release.id, release.halt],
        data: { ...decision(release, haltOf(state, release.halt)), reason: ask.reason ?? '' },
      };
    },
    ends: true,
    refused: (fault, { ask }) => refusal('halt:reject', ask.id, fault, ask.by),
    release: (state) => state,
  };

  /** Of a release that the caller's institution may see. */
  async function visible(id: string, by: Requester): Promise<ReleaseState> {
    const state = await read();
    const release = releaseOf(state, id);
    if (!mayAdminister(haltOf(state, release.halt), by)) throw unknownRelease();
    return release;
  }

  return {
    async trip(target, reason, by) {
      const party = partyOf(by);
      const mayTrip = mayHalt(target, { by, isOperator: party === 'operator' }, await directory.snapshotAtLeast(0));
      return commands.run(trip, { target, party, reason: readReason(reason), by, mayTrip });
    },
    async list(by, status) {
      const { halts } = await read();
      return [...new Set(halts.values())]
        .filter((halt) => mayAdminister(halt, by))
        .filter(({ released }) => status === undefined || (released === undefined) === (status === 'in-force'))
        .toReversed()
        .slice(0, mostListed);
    },
    async find(id, by) {
      const halt = haltOf(await read(), id);
      if (!mayAdminister(halt, by)) throw unknownHalt();
      return halt;
    },
    async releasesOf({ trips }) {
      const { releases } = await read();
      return [...releases.values()].filter(({ halt }) => trips.some(({ record }) => record === halt));
    },
    async proposeRelease(halt, reason, by) {
      const id = newId('record', { clock, random });
      return commands.run(propose, { id, halt, reason: readReason(reason), by });
    },
    async approveRelease(id, digest, by) {
      const release = await visible(id, by);
      const fault = await second.refusalOf(waiting(release), { people: peopleOf(by), digest });
      if (fault?.code === haltRelease.codes.gone)
        await commands.run(reject, { id: release.id, by, reason: fault.detail });
      return releaseOf(await commands.run(approve, { id: release.id, by, refusal: fault }), id);
    },
    async rejectRelease(id, reason, by) {
      const release = await visible(id, by);
      return releaseOf(await commands.run(reject, { id: release.id, by, reason: readReason(reason) }), id);
    },
    statusOf: ({ status, expiresAt }) => statusAt(status, expiresAt, clock.now()),
    async endProposalsOf(proposer, { before, by, reason }) {
      const { releases } = await read();
      let count = 0;
      for (const { id, proposal, status, expiresAt } of [...releases.values()]) {
        const isOpen = statusAt(status, expiresAt, clock.now()) === 'proposed';
        if (!isOpen || !proposal.people.includes(proposer) || (parseInstant(proposal.at) ?? 0) > before) continue;
        await commands.run(reject, { id, by, reason });
        count += 1;
      }
      return count;
    },
  };

  /** The operator administers every halt, an institution its own. */
  function mayAdminister({ party }: HaltState, by: Requester): boolean {
    const own = partyOf(by);
    return own === 'operator' || own === party;
  }

  /** Why this person may not take part in the release of a halt. */
  function releaseFault(state: HaltsState, id: string, by: Requester): CodedError | undefined {
    const halt = state.halts.get(id);
    if (halt === undefined || !mayAdminister(halt, by)) return unknownHalt();
    if (halt.released !== undefined) return error('halt_not_in_force', 'The halt has been released already.');
    const tripped = halt.trips.flatMap(({ people }) => people);
    return sharePeople(peopleOf(by), tripped)
      ? error(
          'halt_own_trip',
          'A person who tripped a halt cannot release it, nor can anyone who acts through or for them. Two other people must.',
        )
      : undefined;
  }
}

const mostListed = 1_000;
/** CFI categories (ISO 10962). */
const categories = 'CDEFHIJKLMORST';

/** Whether the target is in the directory and the caller's institution may halt it. */
function mayHalt(
  { kind, id }: HaltTarget,
  { by, isOperator }: { readonly by: Requester; readonly isOperator: boolean },
  directory: DirectorySnapshot,
): boolean {
  const isOwn = (institution: string | undefined) =>
    institution !== undefined && (isOperator || institution === by.institution);
  switch (kind) {
    case 'firm':
      return isOwn(directory.institution(id)?.lei);
    case 'desk':
      return isOwn(directory.desk(id)?.institution);
    case 'trader':
    case 'algorithm': {
      const principal = directory.knownPrincipal(id);
      return principal?.kind === (kind === 'trader' ? 'person' : 'agent') && isOwn(principal.institution);
    }
    case 'client':
      return isOwn(directory.client(id)?.institution);
    // Another institution's halt applies to what it does itself.
    case 'venue':
      return directory.venue(id) !== undefined;
    case 'instrument-class':
      return id.length === 1 && categories.includes(id);
    case 'partner':
      return directory.institution(id) !== undefined;
    default:
      return kind satisfies never;
  }
}

const unknownHalt = () => error('halt_unknown', 'There is no such halt that you may see. Read the list of halts.');
const unknownRelease = () => error('halt_release_unknown', 'There is no such release that you may see.');

function haltOf({ halts }: HaltsState, record: string): HaltState {
  const halt = halts.get(record);
  if (halt === undefined) throw unknownHalt();
  return halt;
}

function releaseOf({ releases }: HaltsState, id: string): ReleaseState {
  const release = releases.get(id);
  if (release === undefined) throw unknownRelease();
  return release;
}

/** Record of the latest trip. @throws Error for a halt without one, which does not exist */
export function latestTrip({ trips }: Pick<HaltState, 'trips'>): RecordId {
  const latest = trips.at(-1);
  if (latest === undefined) throw new Error('a halt has no trip');
  return latest.record;
}

function readReason(text: string): string {
  if (text.trim() === '' || text.length > 500 || !isVisibleText(text))
    throw error('halt_invalid', 'The reason must be one line of text of at most 500 characters.');
  return text;
}

function waiting({ status, expiresAt, digest, proposal: { people, at } }: ReleaseState): WaitingProposal {
  return {
    people,
    scope: 'halt:release',
    proposedAt: parseInstant(at) ?? Number.NEGATIVE_INFINITY,
    expiresAt,
    decided: status === 'proposed' ? undefined : status,
    digest,
  };
}
