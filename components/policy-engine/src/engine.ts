import { decideFailClosed, type EntitySnapshot } from '@countersign/cedar';
import {
  type Actor,
  type AuditAppender,
  type ConsentStore,
  type Decision,
  type DecisionInput,
  type Directory,
  type EvaluationRequest,
  kindOfPrincipal,
  type Obligation,
  type PolicyEngine,
  type PolicyVersion,
  parsePrincipalId,
  policyErrors,
  type RecordDraft,
  type TransactionFacts,
} from '@countersign/contracts';
import { type Clock, digestOf, isCodedError, type Json, newId, parseId, type Random } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import { readContext } from './authzen.ts';
import { viewIntent } from './facts.ts';
import { createLimits } from './limits.ts';
import { mandateStandsFor } from './mandate-standing.ts';
import type { PolicySet } from './policy-set.ts';
import type { LimitStore } from './store.ts';
import {
  countSupervisors,
  principalUid,
  resourceEntity,
  tradingEntities,
  transactionEntity,
} from './trading-entities.ts';

export interface PolicyEngineDependencies {
  readonly policySet: PolicySet;
  /** The published version that `policySet` is. */
  readonly version: PolicyVersion;
  readonly limitStore: LimitStore;
  readonly directory: Directory;
  readonly consentStore: Pick<ConsentStore, 'check'>;
  /** Facts of a transaction, from the registry; an enforcement point's word about one is never taken. */
  readonly transactions: { facts(id: TransactionFacts['id']): Promise<TransactionFacts | undefined> };
  readonly audit: AuditAppender;
  /**
   * What the installation runs as. Only in `development` does a sign-in for development count; without a word it is
   * `production`.
   */
  readonly environment?: 'development' | 'production';
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** How many approvals are tried when asking what would turn a no into a yes. */
const approvalsToTry = 2;

/** The decision point. See the contract for what it promises. */
export function createPolicyEngine(dependencies: PolicyEngineDependencies): PolicyEngine {
  const { policySet, version, directory, clock, random } = dependencies;
  const development = dependencies.environment === 'development';
  let entities: { readonly version: number; readonly snapshot: EntitySnapshot } | undefined;

  /** Rebuilt only when the directory has changed. */
  function currentEntities(): { readonly version: number; readonly snapshot: EntitySnapshot } {
    const snapshot = directory.snapshot();
    if (entities?.version !== snapshot.version)
      entities = { version: snapshot.version, snapshot: tradingEntities(snapshot) };
    return entities;
  }

  /** One question to the policies, with as many supervisors' approvals as the caller assumes. */
  function ask(input: DecisionInput, shared: EntitySnapshot, approvals: number) {
    const principal = directory.snapshot().principal(input.principal);
    if (principal === undefined) return undefined;
    const { resource } = input;
    const entity =
      resource.type === 'transaction'
        ? transactionEntity(resource.facts, approvals)
        : resourceEntity(resource.uri, directory.snapshot().resource(resource.uri)?.institution);
    if (entity === undefined) return undefined;
    return decideFailClosed(policySet.compiled, {
      principal: principalUid(principal),
      action: { type: 'Action', id: input.action },
      resource: entity.uid,
      context: cedarContext(input, development),
      entities: shared.with([entity]),
    });
  }

  function decideNow(input: DecisionInput): Decision {
    const { version: entityVersion, snapshot } = currentEntities();
    const standing = input.resource.type === 'transaction' ? countSupervisors(input.resource.facts) : 0;
    let answer: ReturnType<typeof ask>;
    let refusal = notEvaluable;
    try {
      answer = ask(input, snapshot, standing);
    } catch (error) {
      // Input that cannot be put to the policies (a malformed amount, an unsafe number) is denied, not guessed at.
      if (!isCodedError(error)) dependencies.logger.error({ error }, 'a decision could not be evaluated');
      // An action that is not declared for such a resource: what nobody has spoken of, nobody has permitted. An
      // unknown transaction ends here as well, and so looks like one that is known and forbidden.
      if (isCodedError(error, 'request_refused')) refusal = noPolicyPermits;
    }
    const allowed = answer?.decision === 'allow';
    const determining = answer === undefined ? [] : [...answer.determining].sort();
    const obligations = answer === undefined || allowed ? [] : missingApprovals(input, snapshot, standing);
    // One shape written out: spreading parts of it together costs more than the policies themselves.
    return {
      id: newId('decision', { clock, random }),
      decision: allowed,
      policyVersion: version.version,
      policyHash: version.hash,
      determining,
      errors: answer?.errors ?? [],
      reasons: allowed ? [] : answer === undefined ? [refusal] : reasonsOf(determining, obligations),
      obligations,
      entityVersion,
      inputDigest: digestOf({ input, development, entityVersion, policyHash: version.hash }),
      policyRecord: version.recordId,
    };
  }

  /** The fewest further approvals that would make the answer yes; none when no number tried would. */
  function missingApprovals(input: DecisionInput, snapshot: EntitySnapshot, standing: number): readonly Obligation[] {
    if (input.resource.type !== 'transaction') return [];
    for (let more = 1; more <= approvalsToTry; more++) {
      if (ask(input, snapshot, standing + more)?.decision === 'allow')
        return [{ kind: 'approval', role: 'supervisor', count: more }];
    }
    return [];
  }

  function reasonsOf(determining: readonly string[], obligations: readonly Obligation[]) {
    if (determining.length > 0) return determining.map((id) => policySet.explain(id));
    const [approval] = obligations;
    if (approval !== undefined)
      return [
        {
          code: 'approval_required',
          detail: `This intent needs ${approval.count === 1 ? 'the approval of a' : `${approval.count} more approvals by a`} ${approval.role} of the initiator's institution.`,
        },
      ];
    return [noPolicyPermits];
  }

  async function inputOf(request: EvaluationRequest, caller: Actor): Promise<DecisionInput> {
    const principal = parsePrincipalId(request.subject.id);
    if (principal === undefined || kindOfPrincipal(principal) !== request.subject.type)
      throw policyErrors.error(
        'evaluation_invalid',
        'subject.id must be a principal id, e.g. person:anna.keller, and subject.type its kind.',
      );
    const context = readContext(request.context);
    const circumstances = {
      client: context.client,
      institution: caller.institution ?? '',
      at: clock.now(),
      scopes: context.scopes,
      audience: context.audience,
      actorDepth: context.actorDepth,
      ...(context.acr === undefined ? {} : { acr: context.acr }),
    };
    const id = parseId('transaction', request.resource.id);
    const facts =
      request.resource.type === 'transaction' && id !== undefined
        ? await dependencies.transactions.facts(id)
        : undefined;
    // An unknown transaction is asked about as an interface nobody declared: nothing permits that, and the answer
    // does not tell a stranger which transactions exist.
    if (facts === undefined)
      return {
        principal,
        action: request.action.name,
        resource: { type: 'resource', uri: request.resource.id },
        context: { ...circumstances, mandateStands: false },
      };
    const mandateStands = await mandateStandsFor(facts, request.action.name, clock.now(), dependencies.consentStore);
    return {
      principal,
      action: request.action.name,
      resource: { type: 'transaction', facts },
      context: { ...circumstances, mandateStands },
    };
  }

  return {
    async decide(input) {
      return decideNow(input);
    },
    async evaluate(request, caller) {
      const input = await inputOf(request, caller);
      const decision = decideNow(input);
      const recordId = newId('record', { clock, random });
      await dependencies.audit.append(recordOf(recordId, decision, input, request, caller));
      return { ...decision, recordId };
    },
    active: () => version,
    limits: createLimits(dependencies.limitStore),
  };
}

const noPolicyPermits = { code: 'no_policy_permits', detail: 'No policy permits this principal to do this.' };
const notEvaluable = {
  code: 'not_evaluable',
  detail: 'The principal or the intent is not one that the policies can decide about.',
};

function cedarContext({ context, resource }: DecisionInput, development: boolean): Readonly<Record<string, unknown>> {
  // The artefact is read from the intent that was digested, not from what the caller says beside it.
  const algo = resource.type === 'transaction' ? viewIntent(resource.facts)?.algo : undefined;
  return {
    client: context.client,
    institution: context.institution,
    audience: context.audience,
    scopes: [...context.scopes],
    actorDepth: context.actorDepth,
    mandateStands: context.mandateStands,
    development,
    ...(context.acr === undefined ? {} : { acr: context.acr }),
    ...(algo === undefined ? {} : { algo }),
  };
}

function recordOf(
  id: RecordDraft['id'],
  decision: Decision,
  input: DecisionInput,
  request: EvaluationRequest,
  caller: Actor,
): RecordDraft {
  const facts = input.resource.type === 'transaction' ? input.resource.facts : undefined;
  return {
    id,
    type: 'decision.made',
    source: 'policy-engine',
    outcome: decision.decision ? 'permit' : 'deny',
    ...(decision.reasons[0] === undefined ? {} : { reason: decision.reasons[0].code }),
    ...(facts === undefined
      ? {}
      : {
          transaction: facts.id,
          intent: facts.intentDigest,
          mandate: facts.mandate as { id: string; version: number },
        }),
    references: [decision.policyRecord],
    subject: { id: input.principal },
    actors: [caller],
    policy: { version: decision.policyVersion, hash: decision.policyHash },
    data: {
      decision: decision.decision,
      decision_id: decision.id,
      action: input.action,
      principal: input.principal,
      determining: decision.determining,
      errors: decision.errors as unknown as Json,
      reasons: decision.reasons as unknown as Json,
      obligations: decision.obligations as unknown as Json,
      entity_version: decision.entityVersion,
      input_digest: decision.inputDigest,
      evaluation: { subject: request.subject.id, resource: request.resource.id },
    },
  };
}
