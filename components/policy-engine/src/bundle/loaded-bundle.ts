import type { CompiledPolicySet, EntityInput, ParsedPolicySet } from '@countersign/cedar';
import type { ApplicationDetailType, ApplicationModel, PolicyBundle } from '@countersign/contracts';
import type { Digest } from '@countersign/kernel';
import type { PolicyNotes } from './annotations.ts';
import type { LimitDefinition } from './limit-definitions.ts';

/** A bundle that may decide: parsed, validated against its schema, compiled. Immutable. */
export interface LoadedBundle {
  readonly bundle: PolicyBundle;
  /** Over everything that decides: the same rules have the same hash wherever they are read from. */
  readonly hash: Digest;
  readonly parsed: ParsedPolicySet;
  readonly compiled: CompiledPolicySet;
  /** Reference data, in Cedar's JSON form; checked. */
  readonly entities: readonly EntityInput[];
  readonly limits: readonly LimitDefinition[];
  /** What a policy of this bundle says about itself. */
  notes(policyId: string): PolicyNotes;
  /** Models of applications by their namespaces. */
  readonly applications: ReadonlyMap<string, LoadedApplication>;
  /** Which of them answers for what AuthZEN type. */
  readonly claims: TypeClaims;
  /** Types of authorization details that they declare, by name. */
  readonly detailTypes: ReadonlyMap<string, ApplicationDetailType>;
}

/** A model of an application that may decide. Immutable. */
export interface LoadedApplication {
  readonly model: ApplicationModel;
  /** Its rules. They hold no entities: a question brings all that it can come to. */
  readonly loaded: LoadedBundle;
  /** Those that came with the bundle. */
  readonly entities: readonly EntityInput[];
}

/** By the AuthZEN name of a type, the one model that answers for it. */
export type TypeClaims = ReadonlyMap<string, LoadedApplication>;
