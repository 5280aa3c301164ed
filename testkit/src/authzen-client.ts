import { defined } from '@countersign/kernel';
/** Configuration of an AuthZEN client: the decision point, and the authorization of requests. */
export interface AuthzenClientOptions {
  readonly pdp: string;
  /** Headers that authenticate the caller; the specification leaves this to the deployment. */
  authorize(request: { readonly method: string; readonly url: string }): Promise<Readonly<Record<string, string>>>;
}

/** A decision (AuthZEN 1.0 section 5.5). */
export interface AuthzenDecision {
  readonly decision: boolean;
  readonly context?: Readonly<Record<string, unknown>>;
}

export type AuthzenClient = Awaited<ReturnType<typeof createAuthzenClient>>;

const endpoints = {
  evaluation: 'access_evaluation_endpoint',
  evaluations: 'access_evaluations_endpoint',
  'search/subject': 'search_subject_endpoint',
  'search/resource': 'search_resource_endpoint',
  'search/action': 'search_action_endpoint',
} as const;

type Endpoint = keyof typeof endpoints;

/**
 * A client that implements only OpenID AuthZEN Authorization API 1.0: it reads the metadata (section 9), sends requests as
 * specified with their defaults, and accepts only conforming responses.
 *
 * @throws Error that describes the violation of the specification
 */
export async function createAuthzenClient({ pdp, authorize }: AuthzenClientOptions) {
  const metadata = await readMetadata(pdp);

  async function post(endpoint: Endpoint, body: object): Promise<Readonly<Record<string, unknown>>> {
    const url = metadata[endpoints[endpoint]];
    if (typeof url !== 'string') throw new Error(`the metadata has no ${endpoints[endpoint]}`);
    const requestId = crypto.randomUUID();
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        'X-Request-ID': requestId,
        ...(await authorize({ method: 'POST', url })),
      },
      body: JSON.stringify(body),
    });
    if (response.status !== 200) throw new Error(`${endpoint} answered ${response.status}: ${await response.text()}`);
    requireJson(response);
    // Section 10.1.3: the response has the request's id.
    if (response.headers.get('x-request-id') !== requestId) throw new Error('the answer has another X-Request-ID');
    return objectIn(await response.json(), endpoint);
  }

  async function search(kind: 'subject' | 'resource' | 'action', body: object): Promise<readonly object[]> {
    const found: object[] = [];
    let token: string | undefined;
    do {
      const answer = await post(`search/${kind}`, token === undefined ? body : { ...body, page: { token } });
      const { results, page } = answer;
      if (!Array.isArray(results)) throw new Error('a search answered without results');
      found.push(...(results as object[]));
      const next = page === undefined ? '' : objectIn(page, 'page')['next_token'];
      if (typeof next !== 'string') throw new Error('a page has no next_token');
      token = next === '' ? undefined : next;
    } while (token !== undefined);
    return found;
  }

  return {
    metadata,
    evaluation: async (request: object): Promise<AuthzenDecision> => decisionIn(await post('evaluation', request)),
    async evaluations(request: object): Promise<readonly AuthzenDecision[]> {
      const { evaluations } = await post('evaluations', request);
      if (!Array.isArray(evaluations)) throw new Error('evaluations were answered without a list');
      return evaluations.map((each) => decisionIn(objectIn(each, 'an evaluation')));
    },
    searchSubjects: (request: object) => search('subject', request),
    searchResources: (request: object) => search('resource', request),
    searchActions: (request: object) => search('action', request),
  };
}

async function readMetadata(pdp: string): Promise<Readonly<Record<string, unknown>>> {
  const response = await fetch(`${pdp}/.well-known/authzen-configuration`);
  if (response.status !== 200) throw new Error(`the metadata answered ${response.status}`);
  requireJson(response);
  const metadata = objectIn(await response.json(), 'the metadata');
  // Section 9.2.3: do not use metadata of another decision point.
  if (metadata['policy_decision_point'] !== pdp) throw new Error('the metadata is of another decision point');
  return metadata;
}

function requireJson(response: Response): void {
  if (!/^application\/json(?:;|$)/.test(response.headers.get('content-type') ?? ''))
    throw new Error('an answer is not application/json');
}

function objectIn(value: unknown, what: string): Readonly<Record<string, unknown>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new Error(`${what} is no object`);
  return value as Readonly<Record<string, unknown>>;
}

function decisionIn(answer: Readonly<Record<string, unknown>>): AuthzenDecision {
  const { decision, context } = answer;
  if (typeof decision !== 'boolean') throw new Error('a decision is no boolean');
  return { decision, ...defined({ context: context === undefined ? undefined : objectIn(context, 'context') }) };
}
