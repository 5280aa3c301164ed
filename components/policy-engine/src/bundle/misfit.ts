import { checkEntity, type EntityInput, type PolicySchema } from '@countersign/cedar';

/**
 * Why an entity does not fit the schema, in words; undefined if it fits. Validated policies never find a wrong type or a missing
 * attribute in entities that fit.
 *
 * @throws CodedError `entities_refused` for JSON that is not an entity
 */
export function misfitOf(schema: PolicySchema, entity: EntityInput): string | undefined {
  const [problem] = checkEntity(schema, entity);
  if (problem === undefined) return undefined;
  return `${entity.uid.type}::${JSON.stringify(entity.uid.id)} ${problem.where}: ${problem.message}`;
}
