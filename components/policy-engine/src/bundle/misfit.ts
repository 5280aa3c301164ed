import { checkEntity, type EntityInput, type PolicySchema } from '@countersign/cedar';

/**
 * What of an entity is not as the schema says, in words; undefined when nothing is. Policies that were validated meet
 * no wrong type, and no missing attribute, in entities that fit.
 *
 * @throws CodedError `entities_refused` for what is no entity at all
 */
export function misfitOf(schema: PolicySchema, entity: EntityInput): string | undefined {
  const [problem] = checkEntity(schema, entity);
  if (problem === undefined) return undefined;
  return `${entity.uid.type}::${JSON.stringify(entity.uid.id)} ${problem.where}: ${problem.message}`;
}
