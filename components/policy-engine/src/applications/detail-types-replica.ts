import {
  type ApplicationDetailType,
  type DetailTypeStream,
  type PolicyEngine,
  policyErrors,
} from '@countersign/contracts';
import { type Logger, startReadModel } from '@countersign/runtime';
import { detailTypesOf } from '../bundle/detail-types.ts';

export interface DetailTypesReplicaDependencies {
  readonly source: DetailTypeStream;
  readonly logger: Logger;
  /** Interval for checking for a newer version; 500 ms by default. */
  readonly everyMs?: number;
  /** Maximum age of the answer; 5 s by default. */
  readonly maxAgeMs?: number;
}

/** The declared types of authorization details, in a process without the policies. */
export interface DetailTypesReplica extends Pick<PolicyEngine, 'detailTypes'> {
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Follows the types that the active policies declare; the policy engine still decides each request. `detailTypes` throws
 * `policy_behind` if the policy engine has not answered for `maxAgeMs`. @throws errors of the policy engine
 */
export async function createDetailTypesReplica(
  dependencies: DetailTypesReplicaDependencies,
): Promise<DetailTypesReplica> {
  const { source } = dependencies;
  let version: number | undefined;
  let types: ReadonlyMap<string, ApplicationDetailType> = new Map();

  async function read(): Promise<void> {
    const declared = await source.declaredDetailTypes(version === undefined ? {} : { since: version });
    if (declared.models === undefined || declared.version <= (version ?? -1)) return;
    const { detailTypes, problems } = detailTypesOf(declared.models);
    const [problem] = problems;
    if (problem !== undefined)
      throw policyErrors.error(
        'policy_invalid',
        `The declared authorization details cannot be used: ${problem.message}`,
      );
    types = detailTypes;
    version = declared.version;
  }

  const model = await startReadModel({
    ...dependencies,
    what: 'declared types of authorization details',
    read,
    tooOld: () =>
      policyErrors.error(
        'policy_behind',
        'The policy engine has not answered for some seconds, so the declared authorization details are unknown. Check its process.',
      ),
  });
  return {
    detailTypes() {
      model.requireFresh();
      return types;
    },
    refresh: () => model.refresh(),
    stop: () => model.stop(),
  };
}
