import type { EntitySnapshot } from './entity-snapshot.ts';
import { cedarErrors } from './errors.ts';
import { EntityReference, type EntityUid, isActionType, parseEntityUid, RecordValue } from './value.ts';
import { MalformedValue, type ValueLimits, ValueReader } from './value-json.ts';

export interface AuthorizationRequest {
  readonly principal: EntityUid;
  readonly action: EntityUid;
  readonly resource: EntityUid;
  /**
   * A record in Cedar's JSON form; at most 16 levels and 4,096 values. Or a value that the caller guarantees to equal the one
   * parsed from that form.
   */
  readonly context: Readonly<Record<string, unknown>> | RecordValue;
  readonly entities: EntitySnapshot;
}

const contextLimits: ValueLimits = { maxDepth: 16, maxValues: 4_096, maxStringLength: 65_536 };

/** @throws CodedError `request_refused` */
export function referenceOf(what: 'principal' | 'action' | 'resource', uid: unknown): EntityReference {
  const reference = uid instanceof EntityReference ? uid : parseEntityUid(uid);
  if (reference === undefined) {
    throw cedarErrors.error('request_refused', `The ${what} is not an entity type name and an id.`);
  }
  // Other entities have parents, attributes and tags, which Cedar would read but the action index ignores.
  if (what === 'action' && !isActionType(reference.type)) {
    throw cedarErrors.error('request_refused', 'The entity given as action does not have an action type.');
  }
  return reference;
}

/** @throws CodedError `request_refused` */
export function contextOf(json: unknown): RecordValue {
  if (json instanceof RecordValue) return json;
  try {
    return new ValueReader('context', contextLimits).readRecord(json);
  } catch (error) {
    if (error instanceof MalformedValue) throw cedarErrors.error('request_refused', `The ${error.message}.`);
    throw error;
  }
}
