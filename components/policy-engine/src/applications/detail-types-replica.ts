import {
  type ApplicationDetailType,
  type DetailTypeStream,
  type PolicyEngine,
  policyErrors,
} from '@countersign/contracts';
import { type Logger, startReadModel } from '@countersign/runtime';
import { detailTypesOf } from '../bundle/detail-types.ts';

export interface DetailTypesReplicaDependencies {
  /** The policy engine, in another process. */
  readonly source: DetailTypeStream;
  readonly logger: Logger;
  /** How often it is asked for a newer version. 500 ms by default. */
  readonly everyMs?: number;
  /** How old the answer may be. 5 s by default. */
  readonly maxAgeMs?: number;
}

/** The declared types of authorization details in a process that does not own the policies. */
export interface DetailTypesReplica extends Pick<PolicyEngine, 'detailTypes'> {
  /** What is active when this is called has been read when it resolves. @throws what the policy engine answers */
  refresh(): Promise<void>;
  stop(): Promise<void>;
}

/**
 * Follows which types of authorization details the active policies declare. Whether something is permitted is not told by these:
 * the policy engine decides that, of each request, where the policies are.
 *
 * `detailTypes` throws `policy_behind` once the policy engine could not be asked for `maxAgeMs`.
 *
 * @throws what the policy engine answers
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
        'The policy engine could not be asked for some seconds which authorization details there are. Look at its process.',
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
