import { type Actor, type Directory, policyErrors } from '@countersign/contracts';
import type { Clock, CodedError } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { InformationModel } from '../decision/information-model.ts';
import { judge } from '../decision/judge.ts';
import { questionIn } from '../decision/question.ts';
import type { TradingInput } from './trading-input.ts';

const rollBack = 'policy:rollback';

/** Checks that a bundle lets its proposer or approver roll it back; returns the error if not. */
export type WayBack = (bundle: LoadedBundle, by: Actor) => CodedError | undefined;

/**
 * Policies also decide about the token for rolling policies back. A bundle that denies this token to its own proposer or approver,
 * even with the strongest sign-in, could lock everybody out and is refused.
 */
export function createWayBack(dependencies: {
  readonly model: Pick<InformationModel<TradingInput>, 'pose'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  /** LEI of the institution that owns the interface for policy changes. */
  readonly operator: string | undefined;
  readonly clock: Clock;
}): WayBack {
  const { model, directory, operator, clock } = dependencies;
  return (bundle, by) => {
    const snapshot = directory.snapshot();
    const door = Array.from(snapshot.resources()).find(
      ({ institution, scopes }) => institution === operator && scopes.includes(rollBack),
    );
    const principal = snapshot.principal(by.id);
    // Without such an interface nobody can be locked out; a caller through one is always in the directory.
    if (door === undefined || principal === undefined) return undefined;
    const now = clock.now();
    const question = questionIn(
      model.pose(
        {
          principal: principal.id,
          action: 'token:issue',
          resource: { type: 'resource', uri: door.uri },
          context: {
            client: '',
            institution: principal.institution,
            at: now,
            scopes: [rollBack],
            audience: door.uri,
            mandateInForce: false,
            ...(principal.kind === 'person' ? { acr: 'phrh', authTime: Math.floor(now / 1000) } : {}),
          },
        },
        bundle,
      ),
    );
    const verdict = question === undefined ? undefined : judge(bundle, question);
    if (verdict?.decision === true) return undefined;
    const reasons = verdict?.reasons ?? [];
    return policyErrors.error(
      'policy_locks_out',
      `These policies deny ${by.id} a token for ${rollBack}, so it might be impossible to roll them back: ${reasons[0]?.detail ?? 'no policy permits it.'}`,
      { facts: { reasons } },
    );
  };
}
