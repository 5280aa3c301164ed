import {
  type AuditAppender,
  type Client,
  type Directory,
  type DirectoryChange,
  type DirectoryProblem,
  type DirectorySnapshot,
  directoryErrors,
  parseClientId,
} from '@countersign/contracts';
import { type Clock, type Json, newId, type Random } from '@countersign/kernel';
import { checkSeparation, isScope, parseScope } from '@countersign/market';
import { withoutHeldConnection } from '@countersign/runtime';
import type { RegistrationDirectory } from '../judge.ts';

type Document = Readonly<Record<string, Json>>;

export interface MemoryClientDirectory extends RegistrationDirectory {
  readonly documents: ReadonlyMap<string, Document>;
  /** Changes a client as an operator does, through the directory's own interface. */
  set(id: string, change: Document): void;
  remove(id: string): void;
  /** Called after a change has been recorded and before it takes effect. */
  afterNextRecord(hook: () => Promise<unknown>): void;
}

/**
 * Clients of the directory in memory, shared by all nodes: a few rules of each kind, problems with pointers, dual control
 * for production, and a record before each change. The real rules are tested over the whole control plane.
 */
export function memoryClientDirectory(
  from: { readonly clock: Clock; readonly random: Random; readonly audit: AuditAppender },
  base: () => DirectorySnapshot,
): MemoryClientDirectory {
  const documents = new Map<string, Document>();
  let version = 1;
  let hook: (() => Promise<unknown>) | undefined;

  function snapshot(): DirectorySnapshot {
    const known = base();
    return { ...known, version, client: (id) => clientOf(documents.get(id), known) ?? known.client(id) };
  }

  function fault(document: unknown, at: string): Error | undefined {
    const problems = problemsOf(document, at);
    const [first] = problems;
    if (first === undefined) return undefined;
    const code = problems.every((problem) => problem.code === first.code) ? first.code : 'directory_file_invalid';
    if (!isDirectoryCode(code)) throw new Error(`${code} is no code of the directory`);
    return directoryErrors.error(code, first.detail, { facts: { problems, problem_count: problems.length } });
  }

  function problemsOf(input: unknown, at: string): readonly DirectoryProblem[] {
    const problems: DirectoryProblem[] = [];
    const report = (code: string, path: string): void => {
      problems.push({ code, path: at + path, detail: `${code} it is.` });
    };
    const document = asDocument(input);
    const { id, principal } = document;
    for (const [other, { principal: held }] of documents)
      if (other !== id && held === principal) report('principal_shared', '/principal');
    for (const [index, uri] of listOf(document['redirect_uris']).entries())
      if (!/^https:\/\/[^#]+$/.test(String(uri))) report('client_metadata_invalid', `/redirect_uris/${index}`);
    const scopes = listOf(document['scopes']).map(String);
    for (const [index, scope] of scopes.entries()) {
      const parsed = scope === 'openid' || scope === 'offline_access' ? undefined : parseScope(scope);
      if (parsed?.ok === false) report(parsed.code, `/scopes/${index}`);
    }
    const separation = checkSeparation(new Set(scopes.filter(isScope)));
    if (!separation.ok) report(separation.code, '/scopes');
    if (listOf(asDocument(document['jwks'] ?? {})['keys']).some((key) => 'd' in asDocument(key)))
      report('private_key_in_file', '/jwks/keys/0');
    if (document['jwks'] === undefined && document['jwks_uri'] === undefined)
      report('client_metadata_invalid', '/jwks');
    if (document['binding'] === 'none' && document['profile'] !== 'oidc') report('client_metadata_invalid', '/binding');
    return problems;
  }

  /** The changed documents by id; undefined removes the document. */
  function changesOf(wanted: ReadonlyMap<string, Document | undefined>): readonly DirectoryChange[] {
    return [...wanted].flatMap(([id, document]): readonly DirectoryChange[] => {
      const before = documents.get(id);
      if (JSON.stringify(before) === JSON.stringify(document)) return [];
      return [
        { kind: 'client', id, change: document === undefined ? 'remove' : before === undefined ? 'add' : 'change' },
      ];
    });
  }

  /** @throws CodedError of the first that is at fault */
  function read(clients: readonly unknown[], at: string): readonly (readonly [string, Document])[] {
    return clients.map((client, index) => {
      const error = fault(client, `${at}/${index}`);
      if (error !== undefined) throw error;
      const document = asDocument(client);
      return [String(document['id']), document];
    });
  }

  return {
    documents,
    set: (id, change) => void documents.set(id, { ...documents.get(id), ...change }),
    remove(id) {
      documents.delete(id);
      version += 1;
    },
    afterNextRecord(next) {
      hook = next;
    },
    snapshot,
    snapshotAtLeast: async () => snapshot(),
    async plan(file) {
      const clients = asDocument(file)['clients'];
      if (!Array.isArray(clients)) throw directoryErrors.error('directory_file_invalid', 'There are no clients in it.');
      return changesOf(new Map(read(clients, '/clients')));
    },
    async edit({ put, remove }, by, { expectedVersion } = {}) {
      const wanted = new Map<string, Document | undefined>(read(put?.clients ?? [], '/put/clients'));
      for (const { id } of remove ?? []) wanted.set(id, undefined);
      for (const [id, document] of wanted)
        if ([documents.get(id), document].some((each) => each?.['environment'] === 'production'))
          throw directoryErrors.error('second_person_required', 'Two people, please.');
      const changes = changesOf(wanted);
      if (changes.length === 0) return { version, changes };
      if (expectedVersion !== undefined && expectedVersion !== version)
        throw directoryErrors.error('directory_changed_meanwhile', 'Somebody else was first.');
      await from.audit.append({
        id: newId('record', from),
        type: 'directory.applied',
        source: 'directory',
        outcome: 'done',
        subject: by,
        data: { changes: changes.map(({ kind, id, change }) => ({ kind, id, change })) },
      });
      const interrupt = hook;
      hook = undefined;
      if (interrupt !== undefined) await withoutHeldConnection(interrupt);
      for (const { id } of changes) {
        const document = wanted.get(id);
        if (document === undefined) documents.delete(id);
        else documents.set(id, document);
      }
      version += 1;
      return { version, changes };
    },
    clientDocument: async (id) => documents.get(id),
  } satisfies Pick<Directory, 'plan' | 'edit'> & MemoryClientDirectory;
}

/** The only checks here: the client exists, and who owns it. */
function clientOf(document: Document | undefined, base: DirectorySnapshot): Client | undefined {
  const like = base.client('vwap-engine');
  const id = parseClientId(document?.['id']);
  return document === undefined || like === undefined || id === undefined ? undefined : { ...like, id };
}

function asDocument(value: unknown): Document {
  return JSON.parse(JSON.stringify(value ?? {}));
}

function listOf(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}

function isDirectoryCode(code: string): code is keyof typeof directoryErrors.codes {
  return Object.hasOwn(directoryErrors.codes, code);
}
