import {
  type Decision,
  openDecision,
  protectedDecision,
  type RecordDraft,
  recordedRequester,
  type SecretKind,
  secretsErrors,
} from '@countersign/contracts';
import { type CodedError, isCodedError, newId } from '@countersign/kernel';
import type { Definition } from './definitions.ts';
import type { SecretsDependencies, TokenHolder } from './dependencies.ts';
import { definitionKey, type Ledger } from './ledger/index.ts';

const { error } = secretsErrors;

/** A use that the definition and the policies permit. */
export interface Permitted {
  readonly definition: Definition;
  readonly decision: Decision;
}

/** Decides whether a holder may use a role, a secret or a key of a venue, and records refusals. */
export interface Judge {
  /**
   * @throws CodedError `secret_unknown` for callers who are not holders, `secret_not_permitted` with the reason of the
   * policies
   */
  permit(kind: SecretKind, name: string, by: TokenHolder, need?: { readonly scope: string }): Promise<Permitted>;
}

/** Callers must not learn whether the name exists, or who its holders are. */
export const unknownSecret = (): CodedError =>
  error('secret_unknown', 'You may not use anything with this name. Ask the operator for it.');

export function createJudge({
  policyEngine,
  clock,
  issuer,
  ledger,
}: Pick<SecretsDependencies, 'policyEngine' | 'clock' | 'issuer'> & { readonly ledger: Ledger }): Judge {
  return {
    async permit(kind, name, by, { scope } = { scope: 'secret:use' }) {
      const { definitions } = await ledger.current();
      const definition = definitions.get(definitionKey(kind, name));
      if (definition?.holders.includes(by.id) !== true) throw unknownSecret();
      const decision = await policyEngine.decide({
        principal: by.id,
        action: 'secret:use',
        resource: { type: 'resource', uri: `urn:countersign:${kind}:${name}` },
        context: {
          client: by.client,
          institution: by.institution,
          audience: `${issuer}/${kind === 'venue-key' ? 'venues' : 'secrets'}`,
          at: clock.now(),
          scopes: [scope],
          mandateInForce: false,
          actors: [by.id, ...(by.through ?? [])],
        },
      });
      if (!decision.decision) throw new Refused(decision);
      return { definition, decision };
    },
  };
}

/** A denial by the policies that is not recorded yet. */
class Refused extends Error {
  readonly decision: Decision;
  constructor(decision: Decision) {
    super('the policies denied it');
    this.decision = decision;
  }
}

/** The members of a record for a decision. */
export function decided(
  decision: Decision,
  { institution }: Pick<TokenHolder, 'institution'>,
): Pick<RecordDraft, 'policy' | 'protectedValues' | 'references'> {
  return {
    policy: { version: decision.policyVersion, hash: decision.policyHash },
    references: [decision.policyRecord],
    protectedValues: protectedDecision(decision, institution),
  };
}

/**
 * Runs work for a caller. Every refusal is recorded before it is answered, except malformed requests and our own
 * unavailability.
 * @param record the type of the refusal, with the data that names what was asked for
 */
export async function recordingRefusals<Result>(
  { audit, clock, random }: Pick<SecretsDependencies, 'audit' | 'clock' | 'random'>,
  by: TokenHolder,
  record: Pick<RecordDraft, 'type' | 'transaction' | 'intent'> & { readonly data: { readonly [name: string]: string } },
  work: () => Promise<Result>,
): Promise<Result> {
  try {
    return await work();
  } catch (failure) {
    const decision = failure instanceof Refused ? failure.decision : undefined;
    const refusal = decision === undefined ? failure : deniedBy(decision);
    if (!isCodedError(refusal) || !Object.hasOwn(secretsErrors.codes, refusal.code)) throw refusal;
    if (refusal.category === 'invalid' || refusal.category === 'unavailable') throw refusal;
    await audit.append({
      ...record,
      id: newId('record', { clock, random }),
      source: 'secrets',
      outcome: 'deny',
      reason: refusal.code,
      ...recordedRequester(by),
      client: by.client,
      ...(decision === undefined ? {} : decided(decision, by)),
      data: { ...record.data, ...(decision === undefined ? {} : { decision: openDecision(decision) }) },
    });
    throw refusal;
  }
}

function deniedBy({ reasons: [reason] }: Decision): CodedError {
  return error(
    'secret_not_permitted',
    reason === undefined ? 'No policy permits this use.' : `${reason.code}: ${reason.detail}`,
  );
}
