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

/** One thing that may be found. */
export interface Candidate {
  /** Its place among the others, see {@link Candidates.after}. */
  readonly key: string;
  readonly found: Found;
  /** The question whose yes puts it among the results; undefined where it is a no whatever the policies say. */
  question(): Question | undefined | Promise<Question | undefined>;
}

/** Everything that a search looks through, at one version of policies and entities. */
export interface Candidates extends Pick<SearchAnswer, 'policyVersion' | 'policyHash' | 'entityVersion'> {
  readonly policyRecord: RecordDraft['id'];
  /** Namespace of the model of an application that is searched. */
  readonly application?: string;
  /**
   * Those whose key is greater than `key`, all of them when it is left out, ascending (UTF-16 code units). Made as they
   * are taken: no more than a page's are. None that the caller may not know of.
   */
  after(key: string | undefined): Iterable<Candidate>;
  /** Whether the policies say yes to it. */
  permits(question: Question): boolean;
}

interface SearchDependencies {
  /**
   * Reads once what all questions of the request share.
   *
   * @throws CodedError `search_not_supported` for a type of resource that cannot be searched; `evaluation_invalid`,
   *   `policy_behind`, `decision_timed_out`
   */
  readonly open: (request: SearchRequest, caller: Actor) => Promise<Candidates>;
  /**
   * What has still to be read for a question.
   *
   * @throws CodedError `decision_timed_out` when it does not come in the time there is for all of the request
   */
  readonly inTime: <Result>(work: Promise<Result>) => Promise<Result>;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
}

const defaultLimit = 100;
const maxLimit = 1_000;
/** Questions a page: it ends there with what was found, and the next one goes on. */
const maxQuestions = 2_000;

/**
 * What an evaluation of the same moment would permit, a page at a time (AuthZEN 1.0 section 8.1). A page with a token
 * for the next may hold fewer results than asked for, or none. Recorded before it is returned.
 *
 * @throws CodedError `page_token_invalid`; `evaluation_invalid` for a request that has no digest; as {@link SearchDependencies.open}; whatever keeps it from being recorded
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
 * What a page token is bound to. Whether there is such a thing is known before anything is asked, and not only when there
 * turns out to be a second page.
 */
function boundTo(request: unknown): Digest {
  try {
    return digestOf(request);
  } catch (error) {
    if (!isCodedError(error, 'not_canonicalizable')) throw error;
    throw policyErrors.error('evaluation_invalid', 'The request holds text or a number that has no canonical form.');
  }
}

/** Section 8.2: with a token, whatever else of the page is said must be what the first request said. */
function startOf(page: SearchRequest['page'], bound: Digest): Partial<PagePosition> & { readonly limit: number } {
  const limit = page?.limit === undefined ? undefined : Math.min(page.limit, maxLimit);
  if (page?.token === undefined) return { limit: limit ?? defaultLimit };
  const position = readPageToken(page.token, bound, maxLimit);
  if (limit !== undefined && limit !== position.limit)
    throw policyErrors.error('page_token_invalid', 'page.limit must be what the request for the first page had.');
  return position;
}

/** @returns `last`: key of the last candidate asked about, where there are more after it */
async function takePage(
  candidates: Candidates,
  { after, limit }: Partial<PagePosition> & { readonly limit: number },
  inTime: SearchDependencies['inTime'],
): Promise<{ readonly results: readonly Found[]; readonly questions: number; readonly last: string | undefined }> {
  const results: Found[] = [];
  let questions = 0;
  let last = after;
  // A question of a model can take a hundred times as long as one of the market: it is time that counts, not questions.
  const betweenQuestions = startTurns();
  for (const candidate of candidates.after(after)) {
    // There is at least this one more: the page ends before it.
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
