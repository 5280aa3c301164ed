import { type EntityInput, readEntity } from './entity.ts';
import type { PolicySchema } from './policy-schema.ts';
import { type AuthorizationRequest, contextOf, referenceOf } from './request.ts';
import type { EntityType, RecordType, ValueType } from './schema-types.ts';
import { EntityReference, type RecordValue, type Value } from './value.ts';

/** What data has that the schema does not say, or lacks that it does. */
export interface ConformanceProblem {
  /** `principal`, `attrs.gates.kycStands`, `context.scopes`, `parents` */
  readonly where: string;
  readonly message: string;
}

const maxProblems = 64;

/**
 * Whether an entity is as the schema declares its type: attributes there and of their types, none besides, parents
 * and tags of types it may have. A policy that was validated strictly meets no wrong type, and no missing attribute,
 * in entities and contexts without problems. Not for the path of a decision.
 *
 * @returns at most 64 problems; none when it conforms
 * @throws CodedError `entities_refused` for data that is no entity at all
 */
export function checkEntity(schema: PolicySchema, entity: EntityInput): readonly ConformanceProblem[] {
  const { reference, attributes, parents, tags } = readEntity(entity);
  const findings = new Findings(schema);
  const type = findings.checkReference('uid', reference);
  if (type === undefined) return findings.problems;
  findings.checkRecord('attrs', type.attributes, attributes);
  for (const parent of parents) {
    findings.checkReference('parents', parent);
    if (!type.parentTypes.has(parent.type))
      findings.add('parents', `a ${reference.type} is not declared to be in a ${parent.type}`);
  }
  for (const [position, value] of tags.values.entries()) {
    const where = `tags.${tags.names[position]}`;
    if (type.tags === undefined) findings.add(where, `no tags are declared for ${reference.type}`);
    else findings.check(where, type.tags, value);
  }
  return findings.problems;
}

/**
 * Whether a request is one the schema declares: an action, for these types of principal and resource, with a context
 * of its types. Its entities are checked one by one, with {@link checkEntity}.
 *
 * @returns at most 64 problems; none when it conforms
 * @throws CodedError `request_refused` for data that is no request at all
 */
export function checkRequest(
  schema: PolicySchema,
  request: Omit<AuthorizationRequest, 'entities'>,
): readonly ConformanceProblem[] {
  const findings = new Findings(schema);
  const action = schema.actions.find(referenceOf('action', request.action));
  const application = action === undefined ? undefined : schema.applications.get(action.reference);
  const principal = referenceOf('principal', request.principal);
  const resource = referenceOf('resource', request.resource);
  const context = contextOf(request.context);
  findings.checkReference('principal', principal);
  findings.checkReference('resource', resource);
  if (application === undefined) {
    findings.add('action', 'the action is not declared');
    return findings.problems;
  }
  if (!application.principalTypes.has(principal.type))
    findings.add('principal', `the action is not declared for a principal of type ${principal.type}`);
  if (!application.resourceTypes.has(resource.type))
    findings.add('resource', `the action is not declared for a resource of type ${resource.type}`);
  findings.checkRecord('context', application.context, context);
  return findings.problems;
}

class Findings {
  readonly problems: ConformanceProblem[] = [];
  readonly #schema: PolicySchema;

  constructor(schema: PolicySchema) {
    this.#schema = schema;
  }

  add(where: string, message: string): void {
    if (this.problems.length < maxProblems) this.problems.push({ where: where.slice(0, 256), message });
  }

  check(where: string, type: ValueType, value: Value): void {
    if (type.kind === 'record' && typeof value === 'object' && value.kind === 'record') {
      this.checkRecord(where, type, value);
    } else if (type.kind === 'set' && typeof value === 'object' && value.kind === 'set') {
      for (const [index, item] of value.items.entries()) this.check(`${where}.${index}`, type.element, item);
    } else if (type.kind === 'entity' && value instanceof EntityReference) {
      if (value.type === type.type) this.checkReference(where, value);
      else this.add(where, `a ${type.type} is declared and a ${value.type} was given`);
    } else if (type.kind !== kindOf(value)) {
      this.add(where, `a ${nameOf(type)} is declared and a ${kindOf(value)} was given`);
    }
  }

  checkRecord(where: string, { attributes }: RecordType, record: RecordValue): void {
    for (const [name, { required }] of attributes) {
      if (required && record.indexOf(name) === -1) this.add(`${where}.${name}`, 'it is declared and was not given');
    }
    for (const [position, value] of record.values.entries()) {
      const name = record.names[position] ?? '';
      const attribute = attributes.get(name);
      if (attribute === undefined) this.add(`${where}.${name}`, 'it is not declared');
      else this.check(`${where}.${name}`, attribute.type, value);
    }
  }

  /** @returns what is declared of its type; undefined where nothing is */
  checkReference(where: string, { type, id }: EntityReference): EntityType | undefined {
    if (this.#schema.actions.has({ type, id })) return undefined;
    const declared = this.#schema.entityTypes.get(type);
    if (declared === undefined) this.add(where, `the entity type ${type} is not declared`);
    else if (declared.ids?.has(id) === false) this.add(where, `it is none of the entities that ${type} lists`);
    return declared;
  }
}

function kindOf(value: Value): ValueType['kind'] {
  if (typeof value === 'object') return value.kind;
  if (typeof value === 'boolean') return 'boolean';
  return typeof value === 'string' ? 'string' : 'long';
}

function nameOf(type: ValueType): string {
  return type.kind === 'entity' ? type.type : type.kind;
}
