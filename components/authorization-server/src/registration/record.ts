import { type Actor, ended, type RecordDraft } from '@countersign/contracts';
import { type CodedError, digestOf, type Json, type RecordId } from '@countersign/kernel';
import { reasonOf } from '../refusal.ts';
import type { ClientDocument } from './read-metadata.ts';
import type { MetadataProblem } from './refusals.ts';

export type Operation = 'register' | 'read' | 'update' | 'remove';

/** Who asks for what: known to the record whichever way it ends. */
export interface Attempt {
  readonly operation: Operation;
  readonly by: Actor;
  /** The client whose token it came with. */
  readonly client: string;
  readonly audience: string;
  /** Source address as our listener saw it. */
  readonly address?: string;
}

/** A client as it is about to be registered, or registered anew; its keys are in the digest alone. */
export function registeredRecord(id: RecordId, document: ClientDocument, attempt: Attempt): RecordDraft {
  const { profile, kind, grant_types: grants, scopes, audiences, principal, environment } = document;
  // Judged by the directory before, and so JSON of its shape.
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

/** The registration access token that an update has replaced: no row brings it back. @param thing its name in the log's account */
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

/** What somebody who is known asked for and did not get; of what they sent, where it was wrong and not what it was. */
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
        // A pointer may hold a name that the sender made up.
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
    ...(address === undefined ? {} : { address }),
  };
}

export function problemsOf({ facts }: CodedError): readonly MetadataProblem[] {
  const problems: unknown = facts?.['problems'];
  return Array.isArray(problems) ? problems : [];
}
