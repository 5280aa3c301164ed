import { CodedError, digestOf, isCodedError, membersOf } from '@countersign/kernel';
import { importVerificationKey, parseCompactJws, type UnverifiedJws, verifyJws } from '@countersign/oauth';
import { type Evidence, ownRecords, recordsOf } from '../evidence.ts';
import { type Check, conclude, counted, type Finding, finding } from './check.ts';

/** An envelope must equal the issued one by its digest and match the records of the transaction. */
export const envelopesAreTheIssued: Check = {
  id: 'envelopes',
  title: 'Envelopes state what was recorded, and the given ones were issued',
  reads: { 'envelope.issued': [], 'transaction.transitioned': [] },
  run(evidence) {
    const issued = recordsOf(ownRecords(evidence), 'envelope.issued');
    const shown = evidence.trust.envelopes ?? [];
    const unproven = shown.filter((envelope) => publishedKeyOf(evidence, envelope) === undefined).length;
    const result = conclude(
      [...faultsOfIssued(evidence), ...shown.flatMap((envelope) => faultsOfShown(evidence, envelope))],
      `${counted(issued.length, 'envelope')} issued, ${shown.length} shown and compared.`,
      { of: issued.length + shown.length },
    );
    if (!result.ok || result.code !== undefined || unproven === 0) return result;
    return {
      ...result,
      code: 'envelope_key_missing',
      detail: `${result.detail} The signatures of ${unproven} were not checked: the bundle does not hold the key. What they say was issued.`,
    };
  },
};

function faultsOfIssued(evidence: Evidence): readonly Finding[] {
  const own = ownRecords(evidence);
  const transitions = recordsOf(own, 'transaction.transitioned');
  return recordsOf(own, 'envelope.issued').flatMap(({ id, index, facts }): readonly Finding[] => {
    const last = transitions.findLast((transition) => transition.index < index)?.facts;
    return facts.version === (last?.version ?? 0) && facts.state === (last?.to ?? 'intended')
      ? []
      : [mismatch('The envelope states another state or version than the transaction had.', id)];
  });
}

function faultsOfShown(evidence: Evidence, text: string): readonly Finding[] {
  let jws: UnverifiedJws;
  try {
    jws = parseCompactJws(text, (_problem, detail) => refused(detail));
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return [{ code: 'envelope_mismatch', detail: `The envelope shown cannot be read. ${error.detail}` }];
  }
  const { jti } = jws.unverifiedClaims;
  const record = typeof jti === 'string' ? evidence.byId.get(jti) : undefined;
  if (record === undefined || record.facts.kind !== 'envelope.issued')
    return [{ code: 'envelope_mismatch', detail: 'The envelope shown was not issued by any record of the bundle.' }];
  const findings: Finding[] = [];
  if (digestOf(jws.unverifiedClaims) !== record.payload || jws.header.kid !== record.facts.kid)
    findings.push(mismatch('The given envelope differs from the issued one.', record.id));
  if (isForged(evidence, jws))
    findings.push(
      finding('envelope_signature', 'The envelope shown is not signed by the key that it names.', record.id),
    );
  return findings;
}

/** Checked only if the bundle has the published key. */
function isForged({ records }: Evidence, jws: UnverifiedJws): boolean {
  const published = keyNamed(records, jws.header.kid);
  if (published === undefined) return false;
  try {
    verifyJws(jws, importVerificationKey(published['jwk']), (_problem, detail) => refused(detail));
    return false;
  } catch (error) {
    if (isCodedError(error)) return true;
    throw error;
  }
}

function keyNamed(records: Evidence['records'], kid: unknown) {
  const [published] = records.flatMap(({ type, data }) => {
    const members = type === 'key.published' ? membersOf(data) : undefined;
    return members !== undefined && members['kid'] === kid ? [members] : [];
  });
  return published;
}

/** An unreadable envelope is reported elsewhere. */
function publishedKeyOf({ records }: Evidence, text: string) {
  try {
    return keyNamed(records, parseCompactJws(text, (_problem, detail) => refused(detail)).header.kid);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

function mismatch(detail: string, record: NonNullable<Finding['record']>): Finding {
  return { code: 'envelope_mismatch', detail, record };
}

/** Never leaves this file; it becomes a finding. */
function refused(detail: string): CodedError {
  return new CodedError({ code: 'envelope_signature', category: 'invalid', detail });
}
