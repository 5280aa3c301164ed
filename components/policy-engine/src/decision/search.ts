import {
  type Actor,
  type AuditAppender,
  policyErrors,
  type RecordDraft,
  type SearchAnswer,
  type SearchRequest,
} from '@countersign/contracts';
import { type Clock, type Digest, digestOf, isCodedError, newId, type Random } from '@countersign/kernel';
import { startTurns } from '../bundle/in-turns.ts';
import { type PagePosition, readPageToken, writePageToken } from './page-token.ts';
import type { Question } from './question.ts';

type Found = SearchAnswer['results'][number];

/** A possible result of a search. */
export interface Candidate {
  /** Sort key; see {@link Candidates.after}. */
  readonly key: string;
  readonly found: Found;
  /** The question that must be permitted; undefined if it is refused before the policies. */
  question(): Question | undefined | Promise<Question | undefined>;
}

/** All candidates of a search, at one version of policies and entities. */
export interface Candidates extends Pick<SearchAnswer, 'policyVersion' | 'policyHash' | 'entityVersion'> {
  readonly policyRecord: RecordDraft['id'];
  /** Namespace of the searched application model. */
  readonly application?: string;
  /**
   * Candidates with a key greater than `key` (all if undefined), ascending by UTF-16 code units. Made lazily. Contains only
   * candidates that the caller may know of.
   */
  after(key: string | undefined): Iterable<Candidate>;
  /** Whether the policies permit it. */
  permits(question: Question): boolean;
}

interface SearchDependencies {
  /**
   * Reads the common facts of all questions once.
   *
   * @throws CodedError `search_not_supported` for a type of resource that cannot be searched; `evaluation_invalid`,
   *   `policy_behind`, `decision_timed_out`
   */
  readonly open: (request: SearchRequest, caller: Actor) => Promise<Candidates>;
  /**
   * Waits for the remaining facts of a question.
   *
   * @throws CodedError `decision_timed_out` after the deadline of the request
   */
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
 *
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
