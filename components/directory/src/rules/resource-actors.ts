import { kindOfPrincipal } from '@countersign/contracts';
import type { ChangeSet } from '../changes.ts';
import { keyOf } from '../entry.ts';
import type { Problems } from '../problems.ts';

/**
 * Who alone may exchange the tokens of an interface is software of the institution whose interface it is. Asked when the
 * interface is written, and of what is written alone: whoever is named there may leave, and then nobody exchanges its tokens
 * until another is named.
 */
export function checkResourceActors(
  { written, stored }: Pick<ChangeSet, 'written' | 'stored'>,
  problems: Problems,
): void {
  for (const { entity, owner, path } of written) {
    if (entity.kind !== 'resource' || entity.value.mayAct === undefined) continue;
    const { mayAct } = entity.value;
    const place = problems.place(path).at('may_act');
    const kind = kindOfPrincipal(mayAct);
    if (kind !== 'service' && kind !== 'agent') {
      place.report('directory_file_invalid', 'Tokens are exchanged by a service or an agent.');
      continue;
    }
    const named = stored.get(keyOf(kind, mayAct));
    if (named === undefined) place.report('reference_unknown', `There is no ${kind} by this id.`);
    else if (named.owner !== owner)
      place.report('directory_file_invalid', 'Who may exchange the tokens of an interface belongs to its institution.');
  }
}
