import type { Directory, DirectorySnapshot } from '@countersign/contracts';
import { kindOfPrincipal, parsePrincipalId, policyErrors } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { InformationModel } from '../decision/information-model.ts';
import type { Posed } from '../decision/posed.ts';
import { circumstances, type Installation } from './context.ts';
import { createDirectoryEntities } from './directory-entities.ts';
import { principalUid, uidOf } from './entities.ts';
import { type IntentView, viewIntent } from './intent-view.ts';
import { createOutsideRequests } from './outside-requests.ts';
import type { OutsideDependencies, TradingInput } from './trading-input.ts';
import { resourceEntities, transactionEntities } from './transaction.ts';

export interface TradingModelDependencies extends Omit<OutsideDependencies, 'pose'> {
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  readonly installation: Installation;
}

/** How the policies see trading; the types are those of `policies/schema.cedarschema`. */
export function createTradingModel(dependencies: TradingModelDependencies): InformationModel<TradingInput> {
  const { directory, installation } = dependencies;
  const entitiesOf = createDirectoryEntities();

  function pose(input: TradingInput, bundle: LoadedBundle, snapshot = directory.snapshot()): Posed {
    const { resource } = input;
    const principal = snapshot.principal(input.principal);
    const view = resource.type === 'transaction' ? viewIntent(resource.facts) : undefined;
    const about = thingOf(resource, view, snapshot);
    const shared = entitiesOf(snapshot, bundle);
    const context = circumstances(input, { principal, view, directory: snapshot, installation });
    const local = principal === undefined ? undefined : about.local;
    const asking =
      principal === undefined ? uidOf(typeOfUnknown(input.principal), input.principal) : principalUid(principal);
    return {
      principal: asking,
      action: input.action,
      resource: about.uid,
      context: context.json,
      local: local?.entities ?? [],
      text: { context: context.text, local: local?.text ?? '[]' },
      shared: shared.snapshot,
      closure: shared.closureOf(local === undefined ? [] : [asking, ...local.references, ...context.references]),
      entityVersion: snapshot.version,
      evaluable: local !== undefined,
    };
  }

  return {
    pose: (input, bundle) => pose(input, bundle),
    async entitiesAtLeast(version) {
      if (directory.snapshot().version >= version) return;
      try {
        await directory.snapshotAtLeast(version);
      } catch (error) {
        if (!isCodedError(error, 'directory_behind')) throw error;
        throw policyErrors.error('policy_behind', `This node has seen no version ${version} of the directory.`, {
          cause: error,
        });
      }
    },
    outside: createOutsideRequests({ ...dependencies, pose }),
  };
}

/** The thing that is asked about; without local entities where nothing can be asked about it. */
function thingOf(resource: TradingInput['resource'], view: IntentView | undefined, directory: DirectorySnapshot) {
  switch (resource.type) {
    case 'transaction':
      return {
        uid: uidOf('Transaction', resource.facts.id),
        local: view === undefined ? undefined : transactionEntities(resource.facts, view, directory),
      };
    case 'resource':
      return {
        uid: uidOf('Resource', resource.uri),
        local: resourceEntities(resource.uri, directory.resource(resource.uri)?.institution),
      };
    case 'unknown':
      return { uid: resource.uid, local: undefined };
    default:
      return resource satisfies never;
  }
}

function typeOfUnknown(id: string): string {
  const principal = parsePrincipalId(id);
  const kind = principal === undefined ? 'person' : kindOfPrincipal(principal);
  return kind === 'service' ? 'Service' : kind === 'agent' ? 'Agent' : 'Person';
}
