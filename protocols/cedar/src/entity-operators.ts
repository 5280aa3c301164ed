import { attributeOf, computed, type Expression, type OperatorCompiler, operandsOf } from './expression.ts';
import { entityOf, type Frame, isIn } from './frame.ts';
import { arrayIn, membersOf, stringIn, UnsupportedConstruct } from './json-policy.ts';
import { PolicyFault } from './policy-fault.ts';
import { EntityReference, RecordValue, SetValue, type Value } from './value.ts';

export const entityOperators: readonly (readonly [string, OperatorCompiler])[] = [
  ['.', compileAttribute],
  ['has', compileHas],
  ['in', compileIn],
  ['is', compileIs],
  ['getTag', compileGetTag],
  ['hasTag', compileHasTag],
];

function compileAttribute(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const { left, attribute } = attributeOf(body, '.', compile);
  const missing = new PolicyFault(`.: the attribute ${attribute} or its entity does not exist`);
  const wrongType = new PolicyFault(`.: ${attribute} is asked of a value that is no record and no entity`);
  const attributes = attributesOf(left, wrongType);
  const read = attributeReader(attribute);
  return computed((frame) => {
    const record = attributes(frame);
    const value = record === undefined ? undefined : read(record);
    if (value === undefined) throw missing;
    return value;
  });
}

/** `has a` and `has a.b.c`: each name but the last must exist and have members. */
function compileHas(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const { left, attr } = membersOf(body, 'has', ['left', 'attr']);
  const path = (Array.isArray(attr) ? arrayIn(attr, 'has') : [attr]).map((name) => stringIn(name, 'has'));
  const wrongType = new PolicyFault('has: the operand is no record and no entity');
  const attributes = attributesOf(compile(left), wrongType);
  const [read, ...further] = path.map(attributeReader);
  if (read === undefined) throw new UnsupportedConstruct('has without a name');
  if (further.length === 0) {
    return computed((frame) => {
      const record = attributes(frame);
      return record !== undefined && read(record) !== undefined;
    });
  }
  return computed((frame) => {
    let record = attributes(frame);
    let value = record === undefined ? undefined : read(record);
    for (const next of further) {
      if (value === undefined) return false;
      record = attributesOfValue(frame, value, wrongType);
      value = record === undefined ? undefined : next(record);
    }
    return value !== undefined;
  });
}

/** Looks first where the attribute was the last time, because the records that meet one expression mostly share their list of names. */
function attributeReader(name: string): (record: RecordValue) => Value | undefined {
  let known: readonly string[] | undefined;
  let position = -1;
  return (record) => {
    const { names, values } = record;
    if (names !== known) {
      // // In different lists it is mostly at the same position.
      if (position < 0 || position >= names.length || names[position] !== name) position = record.indexOf(name);
      known = names;
    }
    return position === -1 ? undefined : values[position];
  };
}

/** The attributes of a record or an entity; undefined for an entity that does not exist. */
function attributesOf(left: Expression, wrongType: PolicyFault): (frame: Frame) => RecordValue | undefined {
  switch (left.variable) {
    case 'principal':
      return (frame) => frame.principalEntity?.attributes;
    case 'action':
      return (frame) => frame.actionEntity?.attributes;
    case 'resource':
      return (frame) => frame.resourceEntity?.attributes;
    case 'context':
      return (frame) => frame.context;
    case undefined: {
      const { run } = left;
      return (frame) => attributesOfValue(frame, run(frame), wrongType);
    }
    default:
      return left.variable satisfies never;
  }
}

function attributesOfValue(frame: Frame, value: Value, wrongType: PolicyFault): RecordValue | undefined {
  if (value instanceof RecordValue) return value;
  if (value instanceof EntityReference) return entityOf(frame, value)?.attributes;
  throw wrongType;
}

function compileIn(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const { left, right } = operandsOf(body, 'in', compile);
  return computed(within(left, right));
}

/** One entity in another, or in any of a set. Every item of the set must be an entity, also after a hit. */
function within(left: Expression, right: Expression): (frame: Frame) => boolean {
  const [runLeft, runRight] = [left.run, right.run];
  return (frame) => {
    const entity = runLeft(frame);
    const group = runRight(frame);
    if (!(entity instanceof EntityReference)) throw inNotEntity;
    if (group instanceof EntityReference) return isIn(frame, entity, group);
    if (!(group instanceof SetValue)) throw inNotEntity;
    let found = false;
    for (const item of group.items) {
      if (!(item instanceof EntityReference)) throw inNotEntity;
      found ||= isIn(frame, entity, item);
    }
    return found;
  };
}

const inNotEntity = new PolicyFault('in: an operand is no entity (on the right: nor a set of entities)');

/** `is T`, and `is T in g`, which evaluates g only if the type matches. */
function compileIs(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const is = membersOf(body, 'is', ['left', 'entity_type'], ['in']);
  const left = compile(is.left);
  const type = stringIn(is.entity_type, 'is');
  const inGroup = is.in === undefined ? undefined : within(left, compile(is.in));
  return computed((frame) => {
    const entity = left.run(frame);
    if (!(entity instanceof EntityReference)) throw isNotEntity;
    return entity.type === type && (inGroup === undefined || inGroup(frame));
  });
}

const isNotEntity = new PolicyFault('is: the operand is no entity');

function compileGetTag(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const { left, right } = operandsOf(body, 'getTag', compile);
  const missing = new PolicyFault('getTag: the tag or its entity does not exist');
  return computed((frame) => {
    const value = tagOf(frame, left.run(frame), right.run(frame));
    if (value === undefined) throw missing;
    return value;
  });
}

function compileHasTag(body: unknown, compile: (operand: unknown) => Expression): Expression {
  const { left, right } = operandsOf(body, 'hasTag', compile);
  return computed((frame) => tagOf(frame, left.run(frame), right.run(frame)) !== undefined);
}

function tagOf(frame: Frame, entity: Value, name: Value): Value | undefined {
  if (!(entity instanceof EntityReference) || typeof name !== 'string') throw tagWrongType;
  return entityOf(frame, entity)?.tags.get(name);
}

const tagWrongType = new PolicyFault('getTag or hasTag: the receiver is no entity, or the tag name no string');
