import type { CompiledPolicySet, EntityInput, ParsedPolicySet } from '@countersign/cedar';
import type { ApplicationDetailType, ApplicationModel, PolicyBundle } from '@countersign/contracts';
import type { Digest } from '@countersign/kernel';
import type { PolicyNotes } from './annotations.ts';
import type { LimitDefinition } from './limit-definitions.ts';

/** A bundle that is parsed, validated against its schema and compiled. Immutable. */
export interface LoadedBundle {
  readonly bundle: PolicyBundle;
  /** Over everything that affects decisions: the same rules have the same hash wherever they are read from. */
  readonly hash: Digest;
  readonly parsed: ParsedPolicySet;
  readonly compiled: CompiledPolicySet;
  /** Validated reference data, in Cedar's JSON form. */
  readonly entities: readonly EntityInput[];
  readonly limits: readonly LimitDefinition[];
  /** The annotations of a policy of this bundle. */
  notes(policyId: string): PolicyNotes;
  /** Application models by namespace. */
  readonly applications: ReadonlyMap<string, LoadedApplication>;
  /** The models by AuthZEN type. */
  readonly claims: TypeClaims;
  /** Declared types of authorization details, by name. */
  readonly detailTypes: ReadonlyMap<string, ApplicationDetailType>;
}

/** A validated and compiled application model. Immutable. */
export interface LoadedApplication {
  readonly model: ApplicationModel;
  /** Its rules, without entities, because a question brings all reachable entities. */
  readonly loaded: LoadedBundle;
  /** The entities in the bundle. */
  readonly entities: readonly EntityInput[];
}

/** The model that answers for each AuthZEN type. */
export type TypeClaims = ReadonlyMap<string, LoadedApplication>;
