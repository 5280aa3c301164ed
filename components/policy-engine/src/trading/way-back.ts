import { type Actor, type Directory, policyErrors } from '@countersign/contracts';
import type { Clock, CodedError } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { InformationModel } from '../decision/information-model.ts';
import { judge } from '../decision/judge.ts';
import { questionIn } from '../decision/posed.ts';
import type { TradingInput } from './trading-input.ts';

const rollBack = 'policy:rollback';

/** Whether a bundle leaves whoever puts it into force a way to take it back; what is wrong where it does not. */
export type WayBack = (bundle: LoadedBundle, by: Actor) => CodedError | undefined;

/**
 * Policies decide about every token, the one for taking policies back too. A bundle by which its own proposer or
 * approver would not get that token, at their best sign-in, would lock everybody out, and is refused.
 */
export function createWayBack(dependencies: {
  readonly model: Pick<InformationModel<TradingInput>, 'pose'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  /** LEI of the institution whose interface the policies are changed at. */
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
    // Without a door there is nobody who could be kept out of it; who calls through one is in the directory.
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
            mandateStands: false,
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
      `By these policies ${by.id} would get no token for ${rollBack}, so nobody might be able to take them back: ${reasons[0]?.detail ?? 'nothing permits it.'}`,
      { facts: { reasons } },
    );
  };
}
