import type { Directory, DirectorySnapshot, Principal } from '@countersign/contracts';
import { kindOfPrincipal, parsePrincipalId, policyErrors } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { InformationModel } from '../decision/information-model.ts';
import type { Posed, Uid } from '../decision/posed.ts';
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
    const evaluable = local !== undefined;
    return {
      principal:
        principal === undefined ? uidOf(typeOfUnknown(input.principal), input.principal) : principalUid(principal),
      action: input.action,
      resource: about.uid,
      context: context.json,
      local: local?.entities ?? [],
      text: { context: context.text, local: local?.text ?? '[]' },
      shared: shared.snapshot,
      closure: shared.closureOf(evaluable ? rootsOf(principal, input, view, about.owner, snapshot) : []),
      entityVersion: snapshot.version,
      evaluable,
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
        local: view === undefined ? undefined : transactionEntities(resource.facts, view),
        owner: resource.facts.initiatorInstitution,
      };
    case 'resource': {
      const owner = directory.resource(resource.uri)?.institution;
      return {
        uid: uidOf('Resource', resource.uri),
        local: resourceEntities(resource.uri, owner),
        owner,
      };
    }
    case 'unknown':
      return { uid: resource.uid, local: undefined, owner: undefined };
    default:
      return resource satisfies never;
  }
}

/**
 * Where a question can begin to read the directory: who asks, and whatever the resource and the context name. Written
 * out rather than looked for in them, because it is done for every decision.
 */
function rootsOf(
  principal: Principal | undefined,
  { context }: TradingInput,
  view: IntentView | undefined,
  owner: string | undefined,
  directory: DirectorySnapshot,
): readonly Uid[] {
  const roots: Uid[] = [];
  if (principal !== undefined) roots.push(principalUid(principal));
  if (owner !== undefined) roots.push(uidOf('Institution', owner));
  if (view !== undefined) {
    roots.push(uidOf('Institution', view.entity));
    if (view.account !== undefined) roots.push(uidOf('Account', view.account));
    if (view.venue !== undefined) roots.push(uidOf('Venue', view.venue));
    for (const lei of view.parties) roots.push(uidOf('Institution', lei));
  }
  if (context.partner !== undefined) roots.push(uidOf('Institution', context.partner.institution));
  if (context.device !== undefined && directory.device(context.device) !== undefined)
    roots.push(uidOf('Device', context.device));
  return roots;
}

function typeOfUnknown(id: string): string {
  const principal = parsePrincipalId(id);
  const kind = principal === undefined ? 'person' : kindOfPrincipal(principal);
  return kind === 'service' ? 'Service' : kind === 'agent' ? 'Agent' : 'Person';
}
