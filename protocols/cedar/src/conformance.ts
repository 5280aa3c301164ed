import { type EntityInput, readEntity } from './entity.ts';
import type { PolicySchema } from './policy-schema.ts';
import { type AuthorizationRequest, contextOf, referenceOf } from './request.ts';
import type { EntityType, RecordType, ValueType } from './schema-types.ts';
import { EntityReference, type RecordValue, type Value } from './value.ts';

/** A difference between data and its schema. */
export interface ConformanceProblem {
  /** `principal`, `attrs.gates.kycCurrent`, `context.scopes`, `parents` */
  readonly where: string;
  readonly message: string;
}

const maxProblems = 64;

/**
 * Checks that an entity conforms to its declared type: all attributes present with their types, no others, and only permitted
 * types of parents and tags. A policy that was validated strictly meets no wrong type, and no missing attribute, in entities
 * and contexts without problems. Too slow for decisions.
 * @returns at most 64 problems; none when it conforms
 * @throws CodedError `entities_refused` for data that is not an entity
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
 * Checks that the schema declares a request: the action, for these types of principal and resource, with a conforming context.
 * Check its entities with {@link checkEntity}.
 * @returns at most 64 problems; none when it conforms
 * @throws CodedError `request_refused` for data that is not a request
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

  /** @returns the declaration of its type; undefined if there is none */
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
