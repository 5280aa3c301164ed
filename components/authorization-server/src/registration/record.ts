import { type Actor, ended, type RecordDraft } from '@countersign/contracts';
import { type CodedError, defined, digestOf, type Json, type RecordId } from '@countersign/kernel';
import { reasonOf } from '../refusal.ts';
import type { ClientDocument } from './read-metadata.ts';
import type { MetadataProblem } from './refusals.ts';

export type Operation = 'register' | 'read' | 'update' | 'remove';

/** Recorded for every outcome. */
export interface Attempt {
  readonly operation: Operation;
  readonly by: Actor;
  /** Of the access token. */
  readonly client: string;
  readonly audience: string;
  readonly address?: string;
}

/** Only the digest covers the keys. */
export function registeredRecord(id: RecordId, document: ClientDocument, attempt: Attempt): RecordDraft {
  const { profile, kind, grant_types: grants, scopes, audiences, principal, environment } = document;
  // The directory has validated it, so it is JSON of this shape.
  const held: Readonly<Record<string, Json>> = JSON.parse(
    JSON.stringify({ profile, kind, grant_types: grants, scopes, audiences }),
  );
  return {
    ...common(id, attempt),
    type: 'client.registered',
    outcome: 'done',
    data: {
      operation: attempt.operation,
      client: document.id,
      principal,
      environment,
      ...held,
      document_digest: digestOf(document),
    },
  };
}

/** A replaced registration access token stays invalid even if its row is restored. @param thing its name in the log */
export function replacedRecord(id: RecordId, tokenHash: Buffer, thing: string, attempt: Attempt): RecordDraft {
  return {
    ...common(id, attempt),
    type: 'token.revoked',
    outcome: 'done',
    reason: 'registration_token_replaced',
    standing: [ended(thing)],
    data: { token_sha256: tokenHash.toString('base64url') },
  };
}

/** Records where the metadata was wrong, not its content. */
export function refusedRecord(id: RecordId, error: CodedError, attempt: Attempt): RecordDraft {
  return {
    ...common(id, attempt),
    type: 'access.refused',
    outcome: 'deny',
    reason: reasonOf(error),
    data: {
      operation: `client:${attempt.operation}`,
      error: error.code,
      problems: problemsOf(error)
        .slice(0, 20)
        // A pointer may contain a name that the sender invented.
        .map(({ code, path }) => ({ code, path: path.slice(0, 128).replaceAll(/[^\x21-\x7e]/g, '?') })),
    },
  };
}

function common(id: RecordId, { by, client, audience, address }: Attempt) {
  return {
    id,
    source: 'authorization-server',
    subject: by,
    client,
    audience: [audience],
    ...defined({ address }),
  };
}

export function problemsOf({ facts }: CodedError): readonly MetadataProblem[] {
  const problems: unknown = facts?.['problems'];
  return Array.isArray(problems) ? problems : [];
}
