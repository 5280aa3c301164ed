import {
  type Actor,
  type AtLeast,
  type AuditAppender,
  type Decision,
  type DecisionReason,
  type EvaluationCaller,
  type EvaluationRequest,
  openDecision,
  type PolicyEngine,
  policyErrors,
  protectedDecision,
  type RecordDraft,
  type RecordedAnswer,
  type SearchAnswer,
  type SearchRequest,
} from '@countersign/contracts';
import { type Clock, isCodedError, newId, type Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type { LoadedBundle } from './bundle/load-bundle.ts';
import { type Deadline, late, startDeadline } from './decision/deadline.ts';
import type { EntityArchive } from './decision/entity-facts.ts';
import { evaluateSeveral } from './decision/evaluations.ts';
import type { InformationModel } from './decision/information-model.ts';
import { denied, judge, notEvaluable, permits, type Verdict } from './decision/judge.ts';
import { findingOf, heldToLimits, type LimitFinding } from './decision/limit-finding.ts';
import { MadeDecision, recordedAnswer, type WrittenInput, writeInput } from './decision/made-decision.ts';
import { type Posed, type Question, questionIn, withoutQuestion } from './decision/question.ts';
import { search } from './decision/search.ts';
import type { Shadow } from './shadow/shadow.ts';
import type { ActivePolicies } from './versions/active-version.ts';

interface DecisionPointDependencies<Input> {
  readonly model: InformationModel<Input>;
  readonly policies: {
    current(): ActivePolicies;
    /** @throws CodedError `policy_behind` */
    atLeast(version: number): Promise<ActivePolicies>;
  };
  readonly archive: EntityArchive;
  readonly shadow: Pick<Shadow, 'evaluatorFor' | 'offer'>;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly factsWithinMs?: number;
  /** Application models; without them the market model answers every question. */
  readonly applications?: Applications;
}

export interface Applications {
  /**
   * The application model for these types and this caller; undefined for the market model, which also answers for unknown types
   * and for callers that may not use the model.
   */
  answering(loaded: LoadedBundle, asked: AskedTypes, caller: EvaluationCaller): ApplicationAnswering | undefined;
}

interface AskedTypes {
  readonly subject: string;
  readonly resource: string;
}

interface ApplicationAnswering {
  readonly namespace: string;
  readonly model: InformationModel<EvaluationRequest>;
  readonly loaded: LoadedBundle;
}

interface Answering<Input> {
  readonly model: InformationModel<Input>;
  readonly active: ActivePolicies;
  readonly application?: string;
}

interface DecisionPoint<Input> extends Pick<PolicyEngine, 'evaluate' | 'evaluations' | 'search'> {
  /** @throws CodedError as {@link PolicyEngine.decide} */
  decide(input: Input, atLeast?: AtLeast): Promise<Decision>;
}

/** Owner of the protected values when neither subject nor caller has a known institution. */
const unknownOwner = 'institution:unknown';

const timedOut: DecisionReason = {
  code: 'decision_timed_out',
  detail: 'The facts for this decision could not be read in time. Ask again.',
};

/** Decides, by the active policies and an information model. See the contract of the policy engine for its promises. */
export function createDecisionPoint<Input>(dependencies: DecisionPointDependencies<Input>): DecisionPoint<Input> {
  const { model, policies, archive, shadow, audit, clock, random, logger, factsWithinMs = 2_000 } = dependencies;

  const ids = { clock, random };

  /** Synchronous without a required version, which is nearly always the case. */
  function policiesFor(atLeast: AtLeast | undefined): ActivePolicies | Promise<ActivePolicies> {
    if (atLeast?.policyVersion === undefined && atLeast?.entityVersion === undefined) return policies.current();
    return policiesAtLeast(atLeast);
  }

  async function policiesAtLeast({ policyVersion, entityVersion }: AtLeast): Promise<ActivePolicies> {
    if (entityVersion !== undefined) await model.entitiesAtLeast(entityVersion);
    return policyVersion === undefined ? policies.current() : policies.atLeast(policyVersion);
  }

  function judgeBy({ loaded }: ActivePolicies, question: Question | undefined): Verdict {
    if (question === undefined) return denied([notEvaluable]);
    try {
      return judge(loaded, question, shadow.evaluatorFor(loaded));
    } catch (error) {
      logger.error({ error }, 'a decision could not be evaluated');
      return denied([notEvaluable]);
    }
  }

  function isPermitted({ loaded }: ActivePolicies, question: Question): boolean {
    try {
      return permits(loaded, question, shadow.evaluatorFor(loaded));
    } catch (error) {
      logger.error({ error }, 'a candidate of a search could not be evaluated');
      return false;
    }
  }

  /** Makes the decision with its input, and starts storing the entities it read. */
  function settle(active: ActivePolicies, posed: Posed, verdict: Verdict, finding?: LimitFinding) {
    let from = posed;
    let said = verdict;
    let written: WrittenInput;
    try {
      written = writeInput(from, finding);
    } catch (error) {
      if (!isCodedError(error, 'not_canonicalizable')) throw error;
      from = withoutWhatCannotBeWritten(posed);
      said = denied([notEvaluable]);
      written = writeInput(from);
    }
    const decision = new MadeDecision(newId('decision', ids), active.version, said, from.entityVersion, written);
    return { decision, kept: archive.keep(from.closure) };
  }

  function offer({ version, loaded }: ActivePolicies, posed: Posed, decision: Decision): void {
    if (posed.evaluable) shadow.offer({ version: version.version, bundle: loaded }, posed, decision);
  }

  async function evaluateWithin<Of>(
    { model, active, application }: Answering<Of>,
    request: EvaluationRequest,
    caller: Actor,
    deadline: Deadline,
  ): Promise<RecordedAnswer> {
    const { outside } = model;
    const read = await deadline.within(outside.read(request, caller));
    const input = read === late ? outside.unread(request, caller) : read;
    const posed = model.pose(input, active.loaded);
    const refusal = read === late ? timedOut : outside.refusal(input);
    let verdict = refusal === undefined ? judgeBy(active, questionIn(posed)) : denied([refusal]);
    let finding: LimitFinding | undefined;
    const limits = verdict.decision ? outside.limitsOn(input) : undefined;
    if (limits !== undefined) {
      const found = await deadline.within(findingOf(limits));
      if (found === late) verdict = denied([timedOut]);
      else {
        finding = found;
        verdict = heldToLimits(verdict, finding);
      }
    }
    const asked = refusal === undefined && verdict.reasons[0] !== timedOut;
    const { decision, kept } = settle(active, asked ? posed : withoutQuestion(posed), verdict, finding);
    await kept;
    // A deny by a limit is not an answer of the policies.
    if (asked && (finding === undefined || finding.outcome === 'reserved')) offer(active, posed, decision);
    const recordId = newId('record', ids);
    await audit.append(recordOf(recordId, decision, outside.about(input), { request, caller, application }));
    return recordedAnswer(decision, recordId, active.loaded.notes);
  }

  async function answering<Result>(
    request: EvaluationRequest | SearchRequest,
    caller: EvaluationCaller,
    answer: <Of>(by: Answering<Of>) => Promise<Result>,
  ): Promise<Result> {
    const { entityVersion, ...least } = model.outside.atLeast(request.context);
    const active = await policiesFor(least);
    const { subject, resource } = request;
    const types = { subject: subject.type, resource: resource.type };
    const application = dependencies.applications?.answering(active.loaded, types, caller);
    const waited = application?.model ?? model;
    if (entityVersion !== undefined) await waited.entitiesAtLeast(entityVersion);
    if (application === undefined) return answer({ model, active });
    const { namespace, loaded } = application;
    return answer({ model: application.model, active: { ...active, loaded }, application: namespace });
  }

  /** Starts the deadline after waiting for a version, so that the facts have their full time. */
  async function inTime<Result>(work: (deadline: Deadline) => Promise<Result>): Promise<Result> {
    const deadline = startDeadline(factsWithinMs);
    try {
      return await work(deadline);
    } finally {
      deadline.end();
    }
  }

  const evaluate: PolicyEngine['evaluate'] = (request, caller) =>
    answering(request, caller, (by) => inTime((deadline) => evaluateWithin(by, request, actorIn(caller), deadline)));

  function searchBy<Of>(
    { model, active, application }: Answering<Of>,
    request: SearchRequest,
    caller: Actor,
    deadline: Deadline,
  ): Promise<SearchAnswer> {
    const orTimedOut = async <Result>(work: Promise<Result>): Promise<Result> => {
      const outcome = await deadline.within(work);
      if (outcome === late) throw policyErrors.error('decision_timed_out', timedOut.detail);
      return outcome;
    };
    return search(request, caller, {
      async open(request, caller) {
        const { version } = active;
        const candidates = await orTimedOut(model.outside.candidates(request, caller, active.loaded));
        return {
          policyVersion: version.version,
          policyHash: version.hash,
          policyRecord: version.recordId,
          ...(application === undefined ? {} : { application }),
          ...candidates,
          permits: (question) => isPermitted(active, question),
        };
      },
      inTime: orTimedOut,
      audit,
      clock,
      random,
    });
  }

  return {
    async decide(input, atLeast) {
      const found = policiesFor(atLeast);
      const active = found instanceof Promise ? await found : found;
      const posed = model.pose(input, active.loaded);
      const { decision, kept } = settle(active, posed, judgeBy(active, questionIn(posed)));
      if (kept !== undefined) await kept;
      offer(active, posed, decision);
      return decision;
    },
    evaluate,
    evaluations: (request, caller) => evaluateSeveral(request, (one) => evaluate(one, caller)),
    search: (request, caller) =>
      answering(request, caller, (by) => inTime((deadline) => searchBy(by, request, actorIn(caller), deadline))),
  };
}

/** The recorded actor of a request: the caller without its client. */
function actorIn({ id, institution }: EvaluationCaller): Actor {
  return institution === undefined ? { id } : { id, institution };
}

/** The recordable part of a question with text that has no canonical form. Such a question is denied. */
function withoutWhatCannotBeWritten(posed: Posed): Posed {
  const well = ({ id, type }: Posed['principal']) => ({ id: id.toWellFormed(), type: type.toWellFormed() });
  const { action, principal, resource } = posed;
  const named = { action: action.toWellFormed(), principal: well(principal), resource: well(resource) };
  return { ...withoutQuestion(posed), ...named, context: {}, local: [] };
}

function recordOf(
  id: RecordDraft['id'],
  decision: MadeDecision,
  about: Partial<RecordDraft>,
  {
    request,
    caller,
    application,
  }: { readonly request: EvaluationRequest; readonly caller: Actor; readonly application: string | undefined },
): RecordDraft {
  const { subject, action, resource } = request;
  const [reason] = decision.reasons;
  // As requested; the decision's input has the facts.
  const evaluation = {
    ...(application === undefined ? {} : { application }),
    subject: { type: subject.type, id: subject.id },
    action: action.name,
    resource: { type: resource.type, id: resource.id },
  };
  return {
    id,
    type: 'decision.made',
    source: 'policy-engine',
    outcome: decision.decision ? 'permit' : 'deny',
    ...(reason === undefined ? {} : { reason: reason.code }),
    ...about,
    references: [decision.policyRecord],
    actors: [caller],
    policy: { version: decision.policyVersion, hash: decision.policyHash },
    data: { decision: openDecision(decision), evaluation },
    // Reuses the text that was made for the digest.
    protectedValues: protectedDecision(decision, about.subject?.institution ?? caller.institution ?? unknownOwner),
  };
}
