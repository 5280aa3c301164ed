import {
  type DirectoryChange,
  directoryErrors,
  type ProfileChanges,
  type TrustProfileInput,
} from '@countersign/contracts';
import { type CodedError, type Digest, defined } from '@countersign/kernel';
import type pg from 'pg';
import type { ChangeSet } from '../changes.ts';
import { type Entry, type JsonDocument, keyOf, shownDocument } from '../entry.ts';
import type { LiveGraph } from '../live-graph.ts';
import type { Problems } from '../problems.ts';
import type { AnyProposal, Proposal } from '../proposal.ts';
import { type ChangeScope, governingGrants, refuseFindings, refuseRates } from '../rules/index.ts';
import type { State } from '../state.ts';
import { basisOf } from './request.ts';

export interface PlannedEntity {
  readonly change: DirectoryChange['change'];
  readonly kind: DirectoryChange['kind'];
  readonly id: string;
  readonly fields?: readonly string[];
  readonly before?: JsonDocument;
  readonly after?: JsonDocument;
}

export interface Plan {
  readonly changes: readonly DirectoryChange[];
  /** The same changes of other content are a different plan. */
  readonly basis: Digest;
  readonly unrightful: CodedError | undefined;
  readonly entities: () => readonly PlannedEntity[];
}

/** @throws CodedError for a trust profile */
type Planner = (
  proposal: AnyProposal,
  from: {
    readonly base: State;
    readonly scope: ChangeScope;
    readonly problems: Problems;
    readonly session?: pg.PoolClient;
  },
) => Promise<Plan>;

export function createPlanner(dependencies: {
  readonly graph: LiveGraph;
  readonly governing: ReadonlySet<string>;
  readonly profiles?: (() => ProfileChanges | undefined) | undefined;
}): Planner {
  const { graph, governing } = dependencies;

  async function planGraph(
    proposal: Proposal,
    { base, scope, problems, session }: Parameters<Planner>[1],
  ): Promise<Plan> {
    const changeSet = await graph.evaluate(graph.read(proposal, problems), base, problems, session);
    return {
      changes: changeSet.changes,
      basis: basisOf(changeSet, base),
      unrightful: refuseFindings(changeSet, base, scope) ?? refuseRates(changeSet, base, scope),
      entities: () => entitiesOf(changeSet, base, governing),
    };
  }

  async function planProfile(partner: TrustProfileInput): Promise<Plan> {
    const profiles = dependencies.profiles?.();
    if (profiles === undefined) throw new Error('a trust profile was proposed where no trust registry is');
    const { change, before, after, basis } = await profiles.plan(partner);
    return {
      changes: change === undefined ? [] : [change],
      basis,
      unrightful: undefined,
      entities: () => (change === undefined ? [] : [{ ...change, ...defined({ before }), after }]),
    };
  }

  return (proposal, from) => {
    if (!('partner' in proposal)) return planGraph(proposal, from);
    // Only the scope for partners permits a trust profile.
    if (from.scope !== 'partner:register')
      throw directoryErrors.error('directory_file_invalid', 'A trust profile is proposed at POST /partners/profiles.');
    return planProfile(proposal.partner);
  };
}

/** Shows an approver the sign-in accounts of a person who would govern, and of nobody else. */
function entitiesOf(changeSet: ChangeSet, base: State, governing: ReadonlySet<string>): readonly PlannedEntity[] {
  const { changes, stored } = changeSet;
  const empowered = new Set(governingGrants(changeSet, base.stored, governing).map(({ principal }) => principal));
  return changes.map((line) => {
    const shownOf = (entry: Entry): JsonDocument => {
      const { federated } = entry.document;
      return { ...shownDocument(entry), ...(empowered.has(line.id) && federated !== undefined ? { federated } : {}) };
    };
    const { change, kind, id } = line;
    const before = base.stored.get(keyOf(kind, id));
    const after = change === 'remove' ? undefined : stored.get(keyOf(kind, id));
    return {
      ...line,
      ...(before === undefined ? {} : { before: shownOf(before) }),
      ...(after === undefined ? {} : { after: shownOf(after) }),
    };
  });
}
