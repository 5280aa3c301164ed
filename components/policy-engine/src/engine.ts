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
import { foreignFault } from './bundle/parts.ts';
import { readBundleFolder } from './bundle/read-folder.ts';
import { createEntityArchive } from './decision/entity-facts.ts';
import { createEntityFactStore } from './decision/store.ts';
import { createDecisionPoint } from './decision-point.ts';
import { createDecisionHistory } from './history/history.ts';
import { createLimits } from './limits/limits.ts';
import { createShadow } from './shadow/shadow.ts';
import type { CountingCurrency } from './trading/reference-facts.ts';
import type { StandingFacts } from './trading/trading-input.ts';
import { createTradingModel } from './trading/trading-model.ts';
import { createWayBack, type WayBack } from './trading/way-back.ts';
import type { PolicySigner } from './versions/signature.ts';
import { createPolicyVersions, type GovernedVersions } from './versions/versions.ts';

export interface PolicyEngineDependencies {
  readonly pool: pg.Pool;
  /** For connections that listen for changes by other nodes. */
  readonly access: ComponentAccess;
  readonly audit: AuditAppender &
    Pick<AuditLog, 'find' | 'stream' | 'count' | 'standings' | 'standingsUnder' | 'lastUnder'>;
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  /** Whether the proposer of a bundle still holds the right, asked at approval. */
  readonly proposerStanding: ProposerStanding;
  /** Whether proposer and approver of a bundle are independent. */
  readonly independence: Independence;
  readonly consentStore: Pick<ConsentStore, 'check'>;
  /** Reported postures of devices; the newer of the report and the directory counts. */
  readonly devices?: Pick<Devices, 'postureOf'>;
  /** Active locks and risk signals of principals; none when absent. */
  readonly standing?: StandingFacts;
  /** Facts of transactions from the registry; claims of an enforcement point about them are ignored. */
  readonly transactions: Pick<TransactionRegistry, 'facts' | 'countsAgainstLimits' | 'parties'>;
  /** Holds the keys for `policy-bundle`. */
  readonly signer: PolicySigner;
  readonly rowSeal: RowSeal;
  /** The installation as an actor; its institution is the operator, which may ask about everything. */
  readonly publisher: Actor;
  /** The development sign-in counts only in `development`; `production` by default. */
  readonly environment?: 'development' | 'production';
  /** Region in which this installation processes data; `default` by default. */
  readonly region?: string;
  /** Base currency and maximum age of rates; EUR and 96 hours by default. */
  readonly counting?: CountingCurrency;
  /** The first bundle of an installation; the shipped policies by default. */
  readonly policiesFolder?: URL | string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics?: Pick<Metrics, 'counter' | 'gauge'>;
  /** Time to read all facts of an outside request; 2 s by default. */
  readonly factsWithinMs?: number;
}

export interface RunningPolicyEngine extends PolicyEngine {
  stop(): Promise<void>;
}

export const shippedPolicies = new URL('../policies/', import.meta.url);

/**
 * Starts the engine on the active policies. An installation without any gets the shipped ones as its first version.
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
  const stop = async (): Promise<void> => {
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) await part.stop();
  };
  try {
    const entityFacts = createEntityFactStore(pool);
    // Versions and simulations refer to each other, but neither calls the other during construction.
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
  if (part === undefined) throw new Error('the policies were used before they were opened');
  return part;
}
