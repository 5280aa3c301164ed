import { type Json, membersOf } from '@countersign/kernel';
import { cedarDecimalOf, type DecisionFacts, type DecisionInput, entityIdOf } from '../decision-facts.ts';
import { type Evidence, ownRecords, recordsOf } from '../evidence.ts';
import { decisionInput, intentPlace, type TokenClaims } from '../facts.ts';
import { isForStep, openingOf, ownTokens, type RecordOf, responsibleFor, stepIn, transitionsOf } from '../own-story.ts';
import type { BundledRecord } from '../record.ts';
import { legalStep } from '../transaction-lives.ts';
import { type Check, conclude, counted, type Finding } from './check.ts';
import { sizeOf, worthOf } from './decided-amounts.ts';

/** Tokens and steps need a permit for this principal, action and transaction, in its state and size. */
export const stepsWereDecided: Check = {
  id: 'decisions',
  title: 'Every token and step that the policies decide was permitted',
  reads: {
    'transaction.opened': [intentPlace],
    'transaction.transitioned': [decisionInput],
    'token.issued': [decisionInput],
    'token.exchanged': [decisionInput],
    'decision.made': [decisionInput],
  },
  run(evidence) {
    const steps = transitionsOf(evidence);
    const decided = steps.filter((step) => ruleOf(evidence, step)?.decided === true);
    const tokens = ownTokens(evidence);
    const answers = recordsOf(ownRecords(evidence), 'decision.made');
    const findings = [
      ...steps.flatMap((step) => faultsOfStep(evidence, step)),
      ...tokens.flatMap((token) => faultsOfToken(evidence, token)),
      ...answers.flatMap((answer) => faultsOfAnswer(evidence, answer)),
      ...foreignFaults(evidence),
    ];
    const made = [...decided, ...tokens].filter(({ facts }) => facts.decision?.input !== undefined);
    return conclude(
      findings,
      `${counted(decided.length, 'step')} and ${counted(tokens.length, 'token')} found decided; of ${counted(made.length, 'decision')} what it was made from was compared.`,
      { of: decided.length + tokens.length + answers.length },
    );
  },
};

function ruleOf(evidence: Evidence, { facts }: RecordOf<'transaction.transitioned'>) {
  return legalStep(openingOf(evidence)?.facts.intentType, facts.event);
}

function faultsOfStep(evidence: Evidence, step: RecordOf<'transaction.transitioned'>): readonly Finding[] {
  const { decision, from, departure } = step.facts;
  const rule = ruleOf(evidence, step);
  const [scope, another] = step.scope;
  if (rule !== undefined && !departure && (scope !== rule.scope || another !== undefined))
    return [mismatch(step, `The step was requested under another scope than ${rule.scope}.`)];
  if (decision === undefined)
    return rule?.decided === true ? [missing(step, 'The step was taken without a decision that permitted it.')] : [];
  if (!decision.permitted) return [missing(step, 'The decision in this record denied the action.')];
  return compare(step, decision, (input) => [
    ...(rule === undefined || input.action === rule.scope
      ? []
      : [`The decision is about ${input.action ?? 'nothing'}, the step is one of ${rule.scope}.`]),
    ...aboutTransaction(evidence, step, input),
    ...(input.transaction?.['state'] === from ? [] : ['The decision is about the transaction in another state.']),
  ]);
}

function faultsOfToken(evidence: Evidence, token: RecordOf<'token.issued' | 'token.exchanged'>): readonly Finding[] {
  const { decision, claims } = token.facts;
  if (!decision.permitted) return [missing(token, 'The decision in this record denied the action.')];
  return compare(token, decision, (input) => {
    const { audience, client, institution, scopes } = input.context;
    const decidedScopes = Array.isArray(scopes) ? scopes.toSorted().join(' ') : undefined;
    return [
      ...(input.action === 'token:issue' ? [] : ['The decision is not about issuing a token.']),
      ...(isForStep(claims) ? aboutStep(evidence, claims, input) : aboutTransaction(evidence, token, input)),
      ...(input.principal === claims.sub ? [] : ['The decision is about another subject than the token.']),
      ...(audience === claims.audience ? [] : ['The decision is about another audience than that of the token.']),
      ...(client === claims.clientId ? [] : ['The decision is about another client than that of the token.']),
      ...(institution === claims.institution
        ? []
        : ['The decision is about another institution than that of the token.']),
      ...(decidedScopes === claims.scope.toSorted().join(' ')
        ? []
        : ['The decision is about other scopes than those of the token.']),
    ];
  });
}

function faultsOfAnswer(evidence: Evidence, answer: RecordOf<'decision.made'>): readonly Finding[] {
  const { decision, asked } = answer.facts;
  const agrees = (answer.outcome === 'permit') === decision.permitted;
  return [
    ...(agrees ? [] : [mismatch(answer, 'The outcome of the record is not that of its decision.')]),
    ...compare(answer, decision, (input) => [
      ...(input.action === asked.action && input.resource?.id === asked.resource && input.principal === asked.subject
        ? []
        : ['The decision is about something else than was asked.']),
      ...(input.resource?.id === evidence.bundle.transaction ? [] : ['The decision is about another transaction.']),
    ]),
  ];
}

/** Referenced records outside the transaction only need to be permitted. */
function foreignFaults(evidence: Evidence): readonly Finding[] {
  const { transaction } = evidence.bundle;
  return evidence.records.flatMap((record) =>
    record.transaction !== transaction &&
    record.facts.kind !== 'decision.made' &&
    'decision' in record.facts &&
    record.facts.decision?.permitted === false
      ? [missing(record, 'The decision in this record denied the action.')]
      : [],
  );
}

function compare(
  record: BundledRecord,
  { input, inputDigest }: DecisionFacts,
  faultsOf: (input: DecisionInput) => readonly string[],
): readonly Finding[] {
  if (input === undefined)
    return record.withheld.has(decisionInput)
      ? []
      : [mismatch(record, 'The record does not hold what its decision was made from.')];
  const digestFaults = input.digest === inputDigest ? [] : ['The decision was made from something else than it names.'];
  return [...digestFaults, ...faultsOf(input)].map((detail) => mismatch(record, detail));
}

function aboutTransaction(evidence: Evidence, record: BundledRecord, input: DecisionInput): readonly string[] {
  const opening = openingOf(evidence);
  const { resource, transaction: decidedOn, principal } = input;
  if (resource?.type !== 'Transaction' || resource.id !== evidence.bundle.transaction)
    return ['The decision is about something else than this transaction.'];
  if (decidedOn === undefined) return ['The decision was made without the transaction that it is about.'];
  const faults: string[] = [];
  if (principal === undefined || !responsibleFor(evidence, record).has(principal))
    faults.push('The decision is about another principal than the one responsible for the transaction.');
  if (decidedOn['initiator'] !== opening?.subject) faults.push('The decision names another initiator.');
  if (decidedOn['intentType'] !== opening?.facts.intentType)
    faults.push('The decision is about another type of intent.');
  const mandate = entityIdOf(decidedOn['mandate']);
  if (mandate !== record.mandate?.id) faults.push('The decision was made under another mandate than the record names.');
  faults.push(
    ...otherSize(opening?.facts.intent === undefined ? undefined : membersOf(opening.facts.intent), decidedOn),
  );
  faults.push(...uncountedApprovals(evidence, record, decidedOn));
  return faults;
}

/** The token is decided for the interface; the step is decided when it is taken. */
function aboutStep(evidence: Evidence, { details }: TokenClaims, { context }: DecisionInput): readonly string[] {
  const { transaction, events } = membersOf(context['step']) ?? {};
  if (transaction !== evidence.bundle.transaction) return ['The decision is about no step of this transaction.'];
  const step = details === undefined ? undefined : stepIn(details);
  const decided = Array.isArray(events) ? events.toSorted().join(' ') : undefined;
  return step === undefined || decided === step.actions.toSorted().join(' ')
    ? []
    : ['The decision is about other steps than those of the token.'];
}

type Attributes = Readonly<Record<string, Json>>;

function otherSize(intent: Attributes | undefined, decidedOn: Attributes): readonly string[] {
  if (intent === undefined) return [];
  const worth = worthOf(intent);
  const same =
    cedarDecimalOf(decidedOn['notional']) === worth?.amount &&
    (decidedOn['currency'] ?? undefined) === worth?.currency &&
    cedarDecimalOf(decidedOn['quantity']) === sizeOf(intent);
  return same ? [] : ['The decision is about another amount than the intent.'];
}

/** The policies must not count approvals that were never recorded. */
function uncountedApprovals(evidence: Evidence, { index }: BundledRecord, decidedOn: Attributes): readonly string[] {
  const given = recordsOf(ownRecords(evidence), 'approval.given').filter((approval) => approval.index < index);
  const hidden = ownRecords(evidence).some(({ type, facts }) => type === 'approval.given' && facts.kind === 'withheld');
  const more = (counts: Json | undefined, of: typeof given, kind: string): readonly string[] =>
    Object.entries(membersOf(counts) ?? {}).flatMap(([name, count]) => {
      const role = name.replace('_', '-');
      const people = new Set(of.filter(({ facts }) => facts.role === role).map(({ subject }) => subject));
      return !hidden && typeof count === 'number' && count > people.size
        ? [`The decision counted more ${kind} as ${role} than were given.`]
        : [];
    });
  const approvals = decidedOn['approvals'];
  const certified = given.filter(({ certificate }) => certificate !== undefined);
  return [
    ...more(approvals, given, 'approvals'),
    ...more(membersOf(approvals)?.['certified'], certified, 'approvals with certificates'),
  ];
}

function missing(record: BundledRecord, detail: string): Finding {
  return { code: 'decision_missing', detail, record: record.id };
}

function mismatch(record: BundledRecord, detail: string): Finding {
  return { code: 'decision_mismatch', detail, record: record.id };
}
