import { membersOf } from '@countersign/kernel';
import { ownRecords, recordsOf } from '../evidence.ts';
import { intentPlace } from '../facts.ts';
import { type Check, conclude, counted, type Finding, finding } from './check.ts';

/** The digest of the intent (SHA-256 over RFC 8785) is recomputed and compared with every record and token. */
export const intentIsOne: Check = {
  id: 'intent',
  title: 'Every record is about the same intent',
  reads: { 'transaction.opened': [intentPlace], 'token.issued': [], 'token.exchanged': [] },
  run(evidence) {
    const own = ownRecords(evidence);
    const findings: Finding[] = [];
    let compared = 0;
    const compare = (record: (typeof own)[number], stated: unknown, where: string): void => {
      compared++;
      if (evidence.intentDigest === undefined)
        findings.push(
          finding(
            'intent_digest_mismatch',
            `${where} states a digest, and no record of the bundle opens the transaction with its intent.`,
            record.id,
          ),
        );
      else if (stated !== evidence.intentDigest)
        findings.push(
          finding(
            'intent_digest_mismatch',
            `${where} states another digest than that of the intent as opened, ${evidence.intentDigest}.`,
            record.id,
          ),
        );
    };
    for (const record of own) {
      if (record.facts.kind === 'transaction.opened')
        compare(record, record.intent, 'The record that opens the transaction');
      else if (record.intent !== undefined) compare(record, record.intent, 'The record');
      if (
        (record.facts.kind === 'token.issued' || record.facts.kind === 'token.exchanged') &&
        record.facts.claims.intentDigest !== null
      )
        compare(record, record.facts.claims.intentDigest, 'The token');
    }
    // Such a record could be about any intent.
    for (const { id, type, intent } of own)
      if (intent === undefined && mustNameIntent.has(type))
        findings.push(
          finding(
            'intent_digest_mismatch',
            'The record is about the transaction, and does not say which intent it is about.',
            id,
          ),
        );
    for (const { id, mandate, facts } of recordsOf(own, 'transaction.opened')) {
      const intent = membersOf(facts.intent);
      if (intent === undefined) continue;
      if (intent['type'] !== facts.intentType)
        findings.push(
          finding(
            'intent_digest_mismatch',
            'The intent has another type than the record that opens the transaction states.',
            id,
          ),
        );
      if (intent['mandate_id'] !== mandate?.id)
        findings.push(
          finding(
            'intent_digest_mismatch',
            'The intent names another mandate than the one that the transaction was opened under.',
            id,
          ),
        );
    }
    // A second opening would be a second intent, consistent with itself.
    for (const second of recordsOf(own, 'transaction.opened').slice(1))
      findings.push(finding('intent_digest_mismatch', 'The transaction is opened a second time.', second.id));
    return conclude(
      findings,
      evidence.intentDigest === undefined
        ? 'No record states an intent.'
        : `${counted(compared, 'statement')} of ${evidence.intentDigest} compared.`,
      { of: compared },
    );
  },
};

/** Other types always name it. */
const mustNameIntent: ReadonlySet<string> = new Set(['token.issued', 'token.exchanged', 'decision.made']);
