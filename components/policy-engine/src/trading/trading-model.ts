import { EntityReference, type UnrelatedEntity } from '@countersign/cedar';
import {
  type Devices,
  type Directory,
  type DirectorySnapshot,
  directoryErrors,
  kindOfPrincipal,
  parsePrincipalId,
  policyErrors,
} from '@countersign/contracts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { InformationModel } from '../decision/information-model.ts';
import { type Posed, PosedInValues, QuestionValues } from '../decision/question.ts';
import { ValueMaker } from '../decision/value-maker.ts';
import { circumstances, type Installation } from './context.ts';
import { countingDevice, deviceEntity } from './device.ts';
import { createDirectoryEntities } from './directory-entities.ts';
import { type IntentView, viewIntent } from './intent-view.ts';
import { createOutsideRequests } from './outside-requests.ts';
import { type CountingCurrency, defaultCounting, referenceFacts } from './reference-facts.ts';
import { type OutsideDependencies, type StandingFacts, signalsOver, type TradingInput } from './trading-input.ts';
import { resourceEntities, transactionEntities } from './transaction.ts';

interface TradingModelDependencies extends Omit<OutsideDependencies, 'pose'> {
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  readonly installation: Installation;
  readonly devices?: Pick<Devices, 'postureOf'>;
  readonly standing?: StandingFacts;
  readonly counting?: CountingCurrency;
}

type PoseDependencies = Pick<TradingModelDependencies, 'installation' | 'devices' | 'standing' | 'counting'> & {
  readonly directory: Pick<Directory, 'snapshot'>;
};

/** Makes questions of trading, with the types of `policies/schema.cedarschema`. */
export function createTradingPose({
  directory,
  installation,
  devices,
  standing,
  counting = defaultCounting,
}: PoseDependencies) {
  const entitiesOf = createDirectoryEntities();

  return function pose(input: TradingInput, bundle: LoadedBundle, snapshot = directory.snapshot()): Posed {
    const { action, resource } = input;
    const shared = entitiesOf(snapshot, bundle);
    const principal = shared.directory.principal(input.principal);
    const asking = principal?.reference ?? new EntityReference(typeOfUnknown(input.principal), input.principal);
    const view = resource.type === 'transaction' ? viewIntent(resource.facts) : undefined;
    const make = new ValueMaker();
    const references: EntityReference[] = [];
    const about = referenceTo(resource);
    make.text(about.id);
    const { directory: known } = shared;
    const deviceNamed = (id: string | undefined): UnrelatedEntity | undefined => {
      const counting = countingDevice(id, principal, known);
      return counting === undefined || principal === undefined
        ? undefined
        : deviceEntity(counting, principal, devices, make);
    };
    const device = deviceNamed(input.context.device);
    const claimed =
      input.context.claimedDevice === input.context.device ? device : deviceNamed(input.context.claimedDevice);
    const own =
      principal === undefined
        ? undefined
        : localEntities(about, { resource, view, counting, at: input.context.at }, snapshot, { make, references });
    const found = [device, claimed === device ? undefined : claimed].filter((each) => each !== undefined);
    const local = own === undefined || found.length === 0 ? own : [...own, ...found];
    const context = circumstances(input, {
      principal,
      view,
      device: device?.reference,
      claimedDevice: claimed?.reference,
      signals: signalsOver(input, standing),
      directory: known,
      installation,
      make,
      references,
    });
    const evaluable = local !== undefined;
    return new PosedInValues(
      {
        action,
        shared: shared.snapshot,
        closure: shared.closureOf(evaluable ? principal : undefined, references),
        entityVersion: snapshot.version,
        evaluable,
      },
      new QuestionValues(asking, about, context, local ?? none),
      make.sound,
    );
  };
}

export function createTradingModel(dependencies: TradingModelDependencies): InformationModel<TradingInput> {
  const { directory } = dependencies;
  const pose = createTradingPose(dependencies);
  return {
    pose: (input, bundle) => pose(input, bundle),
    async entitiesAtLeast(version) {
      if (directory.snapshot().version >= version) return;
      try {
        await directory.snapshotAtLeast(version);
      } catch (error) {
        if (!directoryErrors.is(error, 'directory_behind')) throw error;
        const detail = `This node does not have version ${version} of the directory yet. Try again.`;
        throw policyErrors.error('policy_behind', detail, { cause: error });
      }
    },
    outside: createOutsideRequests({ ...dependencies, pose }),
  };
}

const none: readonly never[] = [];

function referenceTo(resource: TradingInput['resource']): EntityReference {
  switch (resource.type) {
    case 'transaction':
      return new EntityReference('Transaction', resource.facts.id);
    case 'resource':
      return new EntityReference('Resource', resource.uri);
    case 'unknown':
      return new EntityReference(resource.uid.type, resource.uid.id);
    default:
      return resource satisfies never;
  }
}

interface LocalInput {
  readonly resource: TradingInput['resource'];
  readonly view: IntentView | undefined;
  readonly counting: CountingCurrency;
  readonly at: number;
}

function localEntities(
  about: EntityReference,
  { resource, view, ...reading }: LocalInput,
  directory: DirectorySnapshot,
  making: Parameters<typeof resourceEntities>[2],
): readonly UnrelatedEntity[] | undefined {
  switch (resource.type) {
    case 'transaction': {
      if (view === undefined) return undefined;
      const reference = referenceFacts(view, resource.facts, directory, reading);
      return transactionEntities(about, resource.facts, { view, reference }, directory, making);
    }
    case 'resource':
      return resourceEntities(about, directory.resource(resource.uri)?.institution, making);
    case 'unknown':
      return undefined;
    default:
      return resource satisfies never;
  }
}

function typeOfUnknown(id: string): string {
  const principal = parsePrincipalId(id);
  const kind = principal === undefined ? 'person' : kindOfPrincipal(principal);
  return kind === 'service' ? 'Service' : kind === 'agent' ? 'Agent' : 'Person';
}
