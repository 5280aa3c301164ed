import type { EvaluationRequest, SearchRequest } from '@countersign/contracts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Candidate } from './search.ts';
import { positionAfter, type SortedIds, type Visible } from './visible.ts';

/**
 * The candidates of a search, for {@link Candidates.after}: each is the request with the searched member filled in.
 *
 * @param question makes the question of one candidate when the search reaches it
 * @throws CodedError `search_not_supported`
 */
export function candidatesOf(
  request: SearchRequest,
  {
    visible,
    actions,
    question,
  }: {
    readonly visible: Visible;
    /** Names of all actions. */
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
