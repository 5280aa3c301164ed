import { type JsonObject, parseTransactionContext } from '@countersign/oauth';
import { refuse } from '../refusal.ts';

/**
 * What the requester tells of the call (draft section 11.1). Carried along, and vouched for by nobody. It may be about
 * people, so that it goes into no record: the hash of the token, which is there, proves it to whoever has the token.
 */
export interface Report {
  readonly details?: JsonObject;
  readonly context?: JsonObject;
}

/** @throws CodedError `transaction_context_malformed`; `invalid_request` when it holds the subject token */
export function readReport(parameters: ReadonlyMap<string, string>): Report {
  const details = read(parameters, 'request_details');
  const context = read(parameters, 'request_context');
  return { ...(details === undefined ? {} : { details }), ...(context === undefined ? {} : { context }) };
}

function read(
  parameters: ReadonlyMap<string, string>,
  name: 'request_context' | 'request_details',
): JsonObject | undefined {
  const text = parameters.get(name);
  if (text === undefined) return undefined;
  const report = parseTransactionContext(text, name);
  const subjectToken = parameters.get('subject_token');
  // Section 13.4: whoever sees the transaction token could use the access token. Compared as it will be written.
  if (subjectToken !== undefined && subjectToken !== '' && JSON.stringify(report).includes(subjectToken))
    throw refuse('parameter_unsupported', `The parameter ${name} must not hold the subject token.`);
  return report;
}
