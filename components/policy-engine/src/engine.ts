import type {
  Actor,
  AuditAppender,
  AuditLog,
  ConsentStore,
  Devices,
  Directory,
  Independence,
  PolicyEngine,
  ProposerStanding,
  TransactionRegistry,
} from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type { ComponentAccess, Logger, Metrics, RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { createApplications } from './applications/information-model.ts';
import { createWrittenEntities } from './applications/written-entities.ts';
import { foreignFault } from './bundle/market-schema.ts';
import { readBundleFolder } from './bundle/read-folder.ts';
import { createEntityArchive } from './decision/entity-archive.ts';
import { createEntityFactStore } from './decision/store.ts';
import { createDecisionPoint } from './decision-point.ts';
import { createDecisionHistory } from './history/history.ts';
import { createLimits } from './limits/limits.ts';
import { createShadow } from './shadow/shadow.ts';
import type { CountingCurrency } from './trading/reference-facts.ts';
import type { StandingFacts } from './trading/standing-facts.ts';
import { createTradingModel } from './trading/trading-model.ts';
import { createWayBack, type WayBack } from './trading/way-back.ts';
import type { PolicySigner } from './versions/signature.ts';
import { createPolicyVersions, type GovernedVersions } from './versions/versions.ts';

export interface PolicyEngineDependencies {
  /** As the component's own role. */
  readonly pool: pg.Pool;
  /** For the connections that listen for what other nodes have done. */
  readonly access: ComponentAccess;
  readonly audit: AuditAppender &
    Pick<AuditLog, 'find' | 'stream' | 'count' | 'standings' | 'standingsUnder' | 'lastUnder'>;
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  /** Asked when somebody approves what another has proposed. */
  readonly proposerStanding: ProposerStanding;
  /** Asked about who proposed and who approves a bundle. */
  readonly independence: Independence;
  readonly consentStore: Pick<ConsentStore, 'check'>;
  /** What is known of devices beside the directory; the newer of the two counts. */
  readonly devices?: Pick<Devices, 'postureOf'>;
  /** What stands of people and software now, for every question of every door. Left out, nothing does. */
  readonly standing?: StandingFacts;
  /** Facts of a transaction, from the registry; an enforcement point's word about one is never taken. */
  readonly transactions: Pick<TransactionRegistry, 'facts' | 'countsAgainstLimits' | 'parties'>;
  /** Its keys for `policy-bundle`. */
  readonly signer: PolicySigner;
  /** Seals what is counted within limits. */
  readonly rowSeal: RowSeal;
  /** In whose name the installation acts; its institution, the operator's, may ask about everything in it. */
  readonly publisher: Actor;
  /**
   * What the installation runs as. Only in `development` does a sign-in for development count; without a word it is
   * `production`.
   */
  readonly environment?: 'development' | 'production';
  /** Where the data of this installation is worked on; `default` where nobody says. */
  readonly region?: string;
  /** In what amounts are counted, and by rates of what age; EUR, 96 hours when left out. */
  readonly counting?: CountingCurrency;
  /** The bundle that an installation begins with; what this release ships when left out. */
  readonly policiesFolder?: URL | string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'counter' | 'gauge'>;
  /** How long the facts of an outside request may take, all together; 2 s by default. */
  readonly factsWithinMs?: number;
}

/** The decision point of one process. See the contract for what it promises. */
export interface RunningPolicyEngine extends PolicyEngine {
  stop(): Promise<void>;
}

/** The policies this release ships. */
export const shippedPolicies = new URL('../policies/', import.meta.url);

/**
 * Starts the engine on the active policies. An installation without any gets the shipped ones as its first version.
 *
 * @throws CodedError as `createPolicyVersions`; `database_unavailable`
 */
export async function startPolicyEngine(dependencies: PolicyEngineDependencies): Promise<RunningPolicyEngine> {
  const {
    pool,
    directory,
    publisher,
    environment,
    region = 'default',
    policiesFolder = shippedPolicies,
  } = dependencies;
  const parts: { stop(): Promise<void> | void }[] = [];
  const started = <Part extends { stop(): Promise<void> | void }>(part: Part): Part => {
    parts.push(part);
    return part;
  };
  /** What was started last is stopped first. */
  const stop = async (): Promise<void> => {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) await part.stop();
  };
  try {
    const entityFacts = createEntityFactStore(pool);
    // Versions ask for simulations, and simulations for versions: neither does while they are being made.
    let versions: GovernedVersions | undefined;
    let wayBack: WayBack | undefined;
    const history = started(
      createDecisionHistory({
        ...dependencies,
        entityFacts,
        versions: {
          bundle: (version) => made(versions).storedBundle(version),
          current: () => made(versions).current(),
        },
      }),
    );
    versions = started(
      await createPolicyVersions({
        ...dependencies,
        shipped: () => readBundleFolder(policiesFolder),
        simulation: (id) => history.simulation(id),
        wayBack: (bundle, by) => foreignFault(bundle) ?? made(wayBack)(bundle, by),
      }),
    );
    const policies = versions;
    const shadow = started(await createShadow(dependencies));
    const limits = started(createLimits({ ...dependencies, current: () => policies.current().loaded }));
    const model = createTradingModel({
      ...dependencies,
      directory,
      limits,
      operator: publisher.institution,
      installation: { development: environment === 'development', region },
    });
    wayBack = createWayBack({ model, directory, operator: publisher.institution, clock: dependencies.clock });
    const entities = await createWrittenEntities({ ...dependencies, loaded: () => policies.current().loaded });
    policies.afterLook(() => entities.refresh());
    const point = createDecisionPoint({
      ...dependencies,
      model,
      policies,
      shadow,
      archive: createEntityArchive(entityFacts),
      applications: createApplications(entities),
    });
    return {
      ...point,
      decide: (input) => point.decide(input, input.atLeast),
      active: () => policies.current().version,
      detailTypes: () => policies.current().loaded.detailTypes,
      async declaredDetailTypes({ since }) {
        const { version, loaded } = policies.current();
        if (version.version === since) return { version: version.version };
        const models = [...loaded.applications.values()].map(({ model: { namespace, authorizationDetails } }) => ({
          namespace,
          ...(authorizationDetails === undefined ? {} : { authorizationDetails }),
        }));
        return { version: version.version, models };
      },
      limits,
      applicationEntities: entities,
      versions: policies,
      history,
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function made<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error('the policies are asked for before they have been opened');
  return part;
}
