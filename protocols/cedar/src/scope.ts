import { type Frame, isIn } from './frame.ts';
import { arrayIn, entityIn, membersOf, objectIn, stringIn, UnsupportedConstruct } from './json-policy.ts';
import { type EntityReference, isSameEntity } from './value.ts';

/** Whether the scope lets a request through. A scope never faults. */
export type ScopeTest = (frame: Frame) => boolean;

/** The test for the scope of principal or resource; undefined if it is open to all. */
export function compileScope(of: 'principal' | 'resource', json: unknown): ScopeTest | undefined {
  const op = objectIn(json, of)['op'];
  switch (op) {
    case 'All':
      membersOf(json, of, ['op']);
      return undefined;
    case '==': {
      const entity = entityIn(membersOf(json, of, ['op', 'entity']).entity, of);
      return (frame) => isSameEntity(frame[of], entity);
    }
    case 'in': {
      const entity = entityIn(membersOf(json, of, ['op', 'entity']).entity, of);
      return (frame) => isIn(frame, frame[of], entity);
    }
    case 'is': {
      const scope = membersOf(json, of, ['op', 'entity_type'], ['in']);
      const type = stringIn(scope.entity_type, of);
      if (scope.in === undefined) return (frame) => frame[of].type === type;
      const entity = entityIn(membersOf(scope.in, of, ['entity']).entity, of);
      return (frame) => frame[of].type === type && isIn(frame, frame[of], entity);
    }
    default:
      throw new UnsupportedConstruct(`the ${of} scope uses ${String(op)}`);
  }
}

/** The actions of a policy, resolved into the action index. */
export type ActionScope =
  | { readonly kind: 'every' }
  | { readonly kind: 'exactly'; readonly action: EntityReference }
  | { readonly kind: 'within'; readonly groups: readonly EntityReference[] };

export function readActionScope(json: unknown): ActionScope {
  const op = objectIn(json, 'action')['op'];
  switch (op) {
    case 'All':
      membersOf(json, 'action', ['op']);
      return { kind: 'every' };
    case '==':
      return { kind: 'exactly', action: entityIn(membersOf(json, 'action', ['op', 'entity']).entity, 'action') };
    case 'in': {
      const scope = membersOf(json, 'action', ['op'], ['entity', 'entities']);
      const listed = scope.entities === undefined ? [scope.entity] : arrayIn(scope.entities, 'action');
      return { kind: 'within', groups: listed.map((entity) => entityIn(entity, 'action')) };
    }
    default:
      throw new UnsupportedConstruct(`the action scope uses ${String(op)}`);
  }
}
