import {
  type Actor,
  type AuditAppender,
  type EvaluationRequest,
  policyErrors,
  type RecordDraft,
  type SearchAnswer,
  type SearchRequest,
} from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  decodeBase64Url,
  digestOf,
  isCodedError,
  newId,
  parseJson,
  type Random,
  sha256Base64Url,
} from '@countersign/kernel';
import { startTurns } from '../bundle/in-turns.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Question } from './question.ts';
import { positionAfter, type SortedIds, type Visible } from './visible.ts';

type Found = SearchAnswer['results'][number];

interface Candidate {
  /** Sort key; see {@link Candidates.after}. */
  readonly key: string;
  readonly found: Found;
  /** The question that must be permitted; undefined if it is refused before the policies. */
  question(): Question | undefined | Promise<Question | undefined>;
}

/** All candidates of a search, at one version of policies and entities. */
export interface Candidates extends Pick<SearchAnswer, 'policyVersion' | 'policyHash' | 'entityVersion'> {
  readonly policyRecord: RecordDraft['id'];
  readonly application?: string;
  /**
   * Candidates with a key greater than `key` (all if undefined), ascending by UTF-16 code units. Made lazily. Contains only
   * candidates that the caller may know of.
   */
  after(key: string | undefined): Iterable<Candidate>;
  permits(question: Question): boolean;
}

interface SearchDependencies {
  /** @throws CodedError `search_not_supported`, `evaluation_invalid`, `policy_behind`, `decision_timed_out` */
  readonly open: (request: SearchRequest, caller: Actor) => Promise<Candidates>;
  /** Waits for the remaining facts of a question. @throws CodedError `decision_timed_out` */
  readonly inTime: <Result>(work: Promise<Result>) => Promise<Result>;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
}

const defaultLimit = 100;
const maxLimit = 1_000;
/** Maximum number of questions for one page; the next page continues there. */
const maxQuestions = 2_000;

/**
 * A page of the candidates that an evaluation at this moment would permit (AuthZEN 1.0 section 8.1). A page with a token for the
 * next one may hold fewer results than requested, or none. Recorded before it is returned.
 * @throws CodedError `page_token_invalid`; `evaluation_invalid` for a request without a canonical form; as
 *   {@link SearchDependencies.open}; if the record cannot be written
 */
export async function search(
  request: SearchRequest,
  caller: Actor,
  { open, inTime, audit, clock, random }: SearchDependencies,
): Promise<SearchAnswer> {
  const { page, ...asked } = request;
  const bound = boundTo({ asked, institution: caller.institution ?? '' });
  const position = startOf(page, bound);
  const candidates = await open(request, caller);
  const { results, questions, last } = await takePage(candidates, position, inTime);
  const { policyVersion, policyHash, entityVersion } = candidates;
  const recordId = newId('record', { clock, random });
  await audit.append({
    id: recordId,
    type: 'decision.searched',
    source: 'policy-engine',
    outcome: 'done',
    references: [candidates.policyRecord],
    actors: [caller],
    policy: { version: policyVersion, hash: policyHash },
    data: {
      search: asked.kind,
      ...(candidates.application === undefined ? {} : { application: candidates.application }),
      ...(asked.kind === 'resource' || asked.kind === 'action' ? { subject: asked.subject.id } : {}),
      ...(asked.kind === 'action' ? {} : { action: asked.action.name }),
      ...(asked.kind === 'subject' ? { subject_type: asked.subject.type } : {}),
      ...(asked.kind === 'resource' ? { resource_type: asked.resource.type } : { resource: asked.resource.id }),
      first_page: position.after === undefined,
      last_page: last === undefined,
      questions,
      results: results.length,
      results_digest: digestOf(results),
      entity_version: entityVersion,
    },
  });
  return {
    results,
    nextToken: last === undefined ? '' : writePageToken({ after: last, limit: position.limit }, bound),
    policyVersion,
    policyHash,
    entityVersion,
    recordId,
  };
}

/**
 * The digest that a page token is bound to. Computed first, so that a request without a digest fails even on a single page.
 */
function boundTo(request: unknown): Digest {
  try {
    return digestOf(request);
  } catch (error) {
    if (!isCodedError(error, 'not_canonicalizable')) throw error;
    throw policyErrors.error('evaluation_invalid', 'The request holds text or a number that has no canonical form.');
  }
}

/** Section 8.2: with a token, the other members of the page must equal those of the first request. */
function startOf(page: SearchRequest['page'], bound: Digest): Partial<PagePosition> & { readonly limit: number } {
  const limit = page?.limit === undefined ? undefined : Math.min(page.limit, maxLimit);
  if (page?.token === undefined) return { limit: limit ?? defaultLimit };
  const position = readPageToken(page.token, bound, maxLimit);
  if (limit !== undefined && limit !== position.limit)
    throw policyErrors.error('page_token_invalid', 'page.limit must be what the request for the first page had.');
  return position;
}

/** @returns `last`: key of the last examined candidate if more follow */
async function takePage(
  candidates: Candidates,
  { after, limit }: Partial<PagePosition> & { readonly limit: number },
  inTime: SearchDependencies['inTime'],
): Promise<{ readonly results: readonly Found[]; readonly questions: number; readonly last: string | undefined }> {
  const results: Found[] = [];
  let questions = 0;
  let last = after;
  // Yields by time, because a question of an application model can take a hundred times as long as one of the market.
  const betweenQuestions = startTurns();
  for (const candidate of candidates.after(after)) {
    // At least this candidate remains, so the page ends before it.
    if (results.length >= limit || questions >= maxQuestions) return { results, questions, last: last ?? '' };
    const asked = candidate.question();
    const question = asked instanceof Promise ? await inTime(asked) : asked;
    if (question !== undefined && candidates.permits(question)) results.push(candidate.found);
    questions++;
    last = candidate.key;
    const others = betweenQuestions();
    if (others !== undefined) await others;
  }
  return { results, questions, last: undefined };
}

/** @param question makes the question of one candidate when the search reaches it @throws CodedError `search_not_supported` */
export function candidatesOf(
  request: SearchRequest,
  {
    visible,
    actions,
    question,
  }: {
    readonly visible: Visible;
    readonly actions: readonly string[];
    readonly question: (evaluation: EvaluationRequest) => ReturnType<Candidate['question']>;
  },
): (after: string | undefined) => Iterable<Candidate> {
  const context = request.context === undefined ? {} : { context: request.context };
  switch (request.kind) {
    case 'subject': {
      const { subject, action, resource } = request;
      return listed(visible.subjects(subject.type), (id) => {
        const found = { type: subject.type, id };
        return { found, question: () => question({ subject: found, action, resource, ...context }) };
      });
    }
    case 'resource': {
      const { subject, action, resource } = request;
      return listed(visible.resources(resource.type), (id) => {
        const found = { type: resource.type, id };
        return { found, question: () => question({ subject, action, resource: found, ...context }) };
      });
    }
    case 'action': {
      const { subject, resource } = request;
      return listed([...actions].sort(), (name) => {
        const found = { name };
        return { found, question: () => question({ subject, action: found, resource, ...context }) };
      });
    }
    default:
      return request satisfies never;
  }
}

/** Actions that can be requested, without groups of actions. */
export function actionsOf({ parsed: { schema } }: Pick<LoadedBundle, 'parsed'>): readonly string[] {
  return [...schema.applications].flatMap(([{ type, id }, { principalTypes }]) =>
    type === schema.actionType && principalTypes.size > 0 ? [id] : [],
  );
}

function listed(ids: SortedIds, candidate: (id: string) => Omit<Candidate, 'key'>) {
  return function* (after: string | undefined): Generator<Candidate> {
    for (let at = positionAfter(ids, after); at < ids.length; at++) {
      const id = ids[at];
      if (id !== undefined) yield { key: id, ...candidate(id) };
    }
  };
}

interface PagePosition {
  readonly after: string;
  readonly limit: number;
}

const checkLength = 22;

/**
 * A page token (AuthZEN 1.0 section 8.2): a position and the digest of its request. A forged token reveals only what the same
 * request would have returned on a later page, so it has a checksum against corruption and no key.
 * @param request digest of the request without its page, and of the caller's institution
 */
export function writePageToken({ after, limit }: PagePosition, request: Digest): string {
  const text = JSON.stringify([1, limit, after, request]);
  return `${Buffer.from(text).toString('base64url')}.${checkOf(text)}`;
}

/** @throws CodedError `page_token_invalid`: not one of ours, or of another request */
export function readPageToken(token: string, request: Digest, maxLimit: number): PagePosition {
  const [encoded = '', check, ...more] = token.split('.');
  const text = decodeBase64Url(encoded)?.toString() ?? '';
  if (text === '' || more.length > 0 || check !== checkOf(text)) throw invalidToken('was not issued here');
  const read = parseJson(text);
  const [version, limit, after, digest] = read.ok && Array.isArray(read.value) ? read.value : [];
  // Anyone can compute the checksum, so a token must not raise the page size above the maximum.
  const page = typeof limit === 'number' && Number.isInteger(limit) && limit >= 0 && limit <= maxLimit;
  if (version !== 1 || !page || typeof after !== 'string') throw invalidToken('was not issued here');
  if (digest !== request)
    throw invalidToken('belongs to another request. Repeat the first request unchanged and add only the token');
  return { after, limit };
}

function checkOf(text: string): string {
  return sha256Base64Url(`countersign page token ${text}`).slice(0, checkLength);
}

function invalidToken(what: string) {
  return policyErrors.error('page_token_invalid', `page.token ${what}.`);
}
