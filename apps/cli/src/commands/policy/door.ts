import { CodedError } from '@countersign/kernel';
import { type Answer, type Caller, type Inputs, type Route, request, type Schemas } from '../../api.ts';
import { bold, dim, green, red, yellow } from '../../output.ts';
import { visible } from '../../visible.ts';

type PolicyScope = 'policy:read' | 'policy:propose' | 'policy:approve' | 'policy:rollback';

export type VersionView = Schemas['PolicyVersionSummary'];
export type VersionWithBundle = Answer<'GET /policies/active'>;
/** A bundle that waits for its second person, as the interface shows it. */
export type CandidateView = Schemas['PolicyCandidate'];

/** Calls an operation of the interface `policies`; a refusal names the next command. */
export async function call<R extends Extract<Route, `${string} /policies${string}`>>(
  caller: Caller,
  route: R,
  inputs: Inputs<R>,
): Promise<Answer<R>> {
  try {
    return await request(caller, route, inputs);
  } catch (error) {
    throw withNextStep(error, inputs.scope);
  }
}

export function activePolicies(caller: Caller): Promise<VersionWithBundle> {
  return call(caller, 'GET /policies/active', { scope: 'policy:read' });
}

/** @param version the active one when left out */
export function policiesOf(caller: Caller, version: string | undefined): Promise<VersionWithBundle> {
  if (version === undefined) return activePolicies(caller);
  return call(caller, 'GET /policies/{version}', { scope: 'policy:read', params: { version } });
}

/** Ends what cannot be brought to its end, before it has begun. @throws CodedError `invalid_scope` */
export async function requireScope({ token }: Pick<Caller, 'token'>, scope: PolicyScope): Promise<void> {
  try {
    await token('policies', scope);
  } catch (error) {
    throw withNextStep(error, scope);
  }
}

const another = 'Do it as somebody else: `countersign --client <id> --key <file> policy ...`.';
const nextSteps: Readonly<Record<string, string>> = {
  candidate_not_found: '`countersign policy candidates` lists what there is.',
  candidate_self_approval: another,
  version_not_found: '`countersign policy versions` lists what there is.',
  decision_not_found: '`countersign log show` lists records.',
  policy_not_simulated:
    '`countersign policy publish` simulates by itself: run it again. Where --from or --until kept to a time in which ' +
    'nothing was decided or could be judged, name another or none.',
};

/** What to do about a refusal, where the interface cannot know by what command it was asked. */
function withNextStep(error: unknown, scope: string): unknown {
  if (!(error instanceof CodedError)) return error;
  const { code, category, detail, facts } = error;
  const next = code === 'invalid_scope' && scope !== 'policy:read' ? another : nextSteps[code];
  if (next === undefined) return error;
  return new CodedError({
    code,
    category,
    detail: `${detail} ${next}`,
    cause: error,
    ...(facts === undefined ? {} : { facts }),
  });
}

export function describeVersion({
  version,
  hash,
  publishedAt,
  changeRequest,
  proposedBy,
  approvedBy,
  rolledBackTo,
}: VersionView): string {
  const people = approvedBy === undefined ? proposedBy : `${proposedBy}, ${approvedBy}`;
  const back = rolledBackTo === undefined ? '' : yellow(`  back to version ${rolledBackTo}`);
  return `${bold(`version ${version}`)}  ${changeRequest}  by ${people}${back}  ${dim(`${publishedAt}  ${hash}`)}`;
}

/**
 * Whether it waits in vain: another version came in between, so nobody can approve it any more.
 *
 * @param newest the number of the newest version
 */
export function isOutdated({ status, baseVersion }: CandidateView, newest: number): boolean {
  return status === 'proposed' && baseVersion < newest;
}

/** What the simulation of a candidate found, and what it could not judge. */
export function describeFound({
  simulation: { id, decisions, flips, skipped = {} },
}: {
  readonly simulation: Omit<CandidateView['simulation'], 'skipped'> &
    Partial<Pick<CandidateView['simulation'], 'skipped'>>;
}): string {
  const left = Object.entries(skipped).map(([why, count]) => `${count} ${visible(why)}`);
  const unjudged = left.length === 0 ? '' : yellow(`  not judged: ${left.join(', ')}`);
  return `${flips} of ${decisions} decisions come out otherwise${unjudged}  ${dim(id)}`;
}

export function describeCandidate(
  { id, status, changeRequest, proposedBy, decidedBy, reason }: CandidateView,
  outdated = false,
): string {
  const people = decidedBy === undefined ? proposedBy : `${proposedBy}, ${decidedBy}`;
  const paint = { proposed: outdated ? dim : yellow, approved: green, rejected: red, expired: dim }[status];
  return `${id}  ${paint((outdated ? 'outdated' : status).padEnd(8))}  ${changeRequest}  by ${people}  ${dim(visible(reason))}`;
}
