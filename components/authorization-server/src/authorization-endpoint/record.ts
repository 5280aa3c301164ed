import { type Client, ended, type Grant, type Person, type RecordDraft, type SignIn } from '@countersign/contracts';
import { type CodedError, type RecordId, sha256Base64Url } from '@countersign/kernel';
import type { CheckedRequest } from '../authorization-request/index.ts';
import { pushedRequestThing } from '../pushed-requests/index.ts';
import { reasonOf } from '../refusal.ts';

/** Named as in the record. */
export interface AuthorizationFacts {
  readonly client: Client;
  readonly checked?: CheckedRequest;
  readonly person?: Person;
  readonly signIn?: SignIn;
  readonly pushedRecord?: RecordId;
  readonly address?: string;
}

/** Before a code is released. Its hash traces the token to it. */
export function grantedRecord(
  id: RecordId,
  facts: AuthorizationFacts & { readonly grant: Grant; readonly remembered: boolean; readonly code: string },
): RecordDraft {
  const { grant, remembered, code, checked, pushedRecord } = facts;
  return {
    ...common(facts, [grant.recordId]),
    id,
    type: 'authorization.granted',
    outcome: 'permit',
    ...(pushedRecord === undefined ? {} : { standing: [ended(pushedRequestThing(pushedRecord))] }),
    data: {
      grant: grant.id,
      grant_version: grant.version,
      remembered,
      code_sha256: sha256Base64Url(code),
      ...(checked === undefined ? {} : { redirect_uri: checked.request.redirectUri }),
    },
  };
}

/** @param grounds records that it is based on */
export function refusedRecord(
  id: RecordId,
  error: CodedError,
  facts: AuthorizationFacts,
  grounds: readonly RecordId[] = [],
): RecordDraft {
  return {
    ...common(facts, grounds),
    id,
    type: 'authorization.refused',
    outcome: 'deny',
    reason: reasonOf(error),
    data: { endpoint: 'authorization', error: error.code, detail: error.detail },
  };
}

function common(facts: AuthorizationFacts, grounds: readonly RecordId[]) {
  const { client, checked, person, signIn, pushedRecord, address } = facts;
  const references = [...grounds, ...(pushedRecord === undefined ? [] : [pushedRecord])];
  return {
    source: 'authorization-server',
    client: client.id,
    ...(references.length === 0 ? {} : { references }),
    ...(person === undefined
      ? signIn === undefined
        ? {}
        : { subject: { id: signIn.person } }
      : { subject: { id: person.id, institution: person.institution } }),
    ...(signIn === undefined
      ? {}
      : { authentication: { acr: signIn.acr, amr: signIn.amr, authTime: signIn.authTime } }),
    ...(checked === undefined ? {} : { scope: checked.terms.scopes }),
    ...(checked === undefined || checked.terms.resources.length === 0 ? {} : { audience: checked.terms.resources }),
    ...(address === undefined ? {} : { address }),
  };
}
