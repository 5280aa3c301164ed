import { statusAt } from '@countersign/commands';
import {
  type Actor,
  openDecision,
  type ProposalEnder,
  type Requester,
  recordedRequester,
  type SecretKind,
  type SecretProposal,
  secretsErrors,
} from '@countersign/contracts';
import { defined, newId, sha256Base64Url, toInstant } from '@countersign/kernel';
import { createRounds } from '@countersign/runtime';
import { createVenueBroker, type VenueBroker } from './broker/broker.ts';
import { createVenueSigner, importVenueKey, makeVenueKey } from './broker/venues/index.ts';
import { checkDefinition, type Definition, type Proposable } from './definitions.ts';
import type { SecretsDependencies, TokenHolder } from './dependencies.ts';
import { decryptMaterial, encryptMaterial, type MaterialPlace } from './envelope.ts';
import { createJudge, decided, recordingRefusals, unknownSecret } from './judge.ts';
import { createLeases, type Leases } from './leases/leases.ts';
import { createLedger, definitionKey, type Proposal, type SecretsState } from './ledger/index.ts';
import { createProposals, proposalOf } from './proposals.ts';
import { destroyMaterials, findMaterial, keepMaterial, materialsBefore } from './store/index.ts';

/** A proposal before its values are encrypted. */
export type Wanted =
  | Extract<Proposable, { readonly kind: 'role' | SecretKind; readonly change: 'remove' }>
  | Extract<Proposable, { readonly kind: 'role'; readonly change: 'define' }>
  | (Omit<Extract<Proposable, { readonly kind: 'secret'; readonly change: 'define' }>, 'material'> & {
      readonly value: string;
    })
  | (Omit<Extract<Proposable, { readonly kind: 'venue-key'; readonly change: 'define' }>, 'material' | 'publicKey'> & {
      /** A key that the venue issued. When left out, a new key is made, or the current one is kept. */
      readonly value?: string;
      readonly keep?: boolean;
    });

export interface ReadSecret {
  readonly name: string;
  readonly version: number;
  readonly value: string;
}

export interface RunningSecrets extends ProposalEnder, Omit<Leases, 'lookAtDue' | 'sweep' | 'endOfRole'> {
  /** The definitions in force that the caller may see: all for the operator, otherwise those that the caller holds. */
  definitions(holder: string | undefined): Promise<readonly Definition[]>;
  /** @throws CodedError `secret_definition_invalid` */
  propose(wanted: Wanted, reason: string, by: Requester): Promise<SecretProposal>;
  proposals(status: SecretProposal['status'] | undefined): Promise<readonly SecretProposal[]>;
  proposal(id: string): Promise<SecretProposal>;
  /**
   * @throws CodedError `venue_key_too_powerful` when the venue reports that a key can do more than trade, and others
   */
  approve(id: string, digest: string, by: Requester): Promise<SecretProposal>;
  reject(id: string, reason: string, by: Requester): Promise<SecretProposal>;
  /**
   * The value of a secret, for a holder. The record is durable before the value is released.
   * @param version the newest when left out
   * @throws CodedError `secret_unknown`, `secret_not_permitted`, `secret_unavailable`
   */
  read(name: string, version: number | undefined, by: TokenHolder): Promise<ReadSecret>;
  readonly broker: VenueBroker;
  lookAtDue(): Promise<void>;
  sweep(): Promise<void>;
}

const mostListed = 100;
const longestValue = 32_768;
const { error } = secretsErrors;
const unavailable = () =>
  error(
    'secret_unavailable',
    'The value differs from its record, or was destroyed. The operator must define it again.',
  );

/**
 * Credentials and secrets on demand. Definitions are in the log; leases are rows that count only if their records
 * agree.
 */
export function createSecrets(
  dependencies: SecretsDependencies & {
    /** The actor in records of what the component does by itself. */
    readonly installation: Actor;
  },
): RunningSecrets {
  const { pool, audit, clock, random, logger, targets, sealingKey, environment } = dependencies;
  const ledger = createLedger({ log: audit, logger });
  const judge = createJudge({ ...dependencies, ledger });
  const proposals = createProposals({ ...dependencies, ledger });
  const leases = createLeases({ ...dependencies, ledger, judge });
  const context = { databases: new Set(targets.keys()), environment };

  /**
   * @throws CodedError `secret_unavailable` for a value that differs from its record, was destroyed, or belongs to
   * another place
   */
  async function open(digest: string, place: MaterialPlace): Promise<Buffer> {
    const { destroyed } = await ledger.current();
    const material = destroyed.has(digest) ? undefined : await findMaterial(pool, digest);
    // An attacker may have stored another value under this name.
    if (material === undefined || sha256Base64Url(material.ciphertext) !== digest) throw unavailable();
    try {
      const value = decryptMaterial(material, place, sealingKey);
      return value;
    } catch {
      throw unavailable();
    }
  }

  const broker = createVenueBroker({
    ...dependencies,
    judge,
    async signerOf({ name, venueKey, material }) {
      if (venueKey === undefined || material === undefined) throw unavailable();
      return createVenueSigner(venueKey.algorithm, await open(material, { kind: 'venue-key', name }));
    },
  });

  async function keep(value: Buffer, place: MaterialPlace): Promise<string> {
    const material = encryptMaterial(value, place, { sealingKey, random });
    value.fill(0);
    await keepMaterial(pool, material, clock.now());
    return material.digest;
  }

  async function encrypted(wanted: Wanted): Promise<Proposable> {
    if (wanted.change === 'remove' || wanted.kind === 'role') return wanted;
    if (wanted.kind === 'secret') {
      const { value, ...defining } = wanted;
      return { ...defining, material: await keep(Buffer.from(value, 'utf8'), wanted) };
    }
    const { value, keep: keeps, ...defining } = wanted;
    const { algorithm } = defining.venueKey;
    if (keeps === true) {
      const { definitions } = await ledger.current();
      const now = definitions.get(definitionKey('venue-key', wanted.name));
      if (now?.material === undefined || now.venueKey?.algorithm !== algorithm)
        throw error('secret_definition_invalid', 'There is no such key of this algorithm to keep.');
      return { ...defining, material: now.material, ...defined({ publicKey: now.publicKey }) };
    }
    if (value !== undefined) return { ...defining, material: await keep(importVenueKey(algorithm, value), wanted) };
    if (algorithm === 'hmac')
      throw error('secret_definition_invalid', 'The venue issues the secret of an HMAC. Pass it as the value.');
    const made = makeVenueKey(algorithm);
    return { ...defining, material: await keep(made.value, wanted), publicKey: made.publicKey };
  }

  function checkWanted(wanted: Wanted): void {
    if ('value' in wanted && wanted.value !== undefined && wanted.value.length > longestValue)
      throw error('secret_definition_invalid', `A value may have at most ${longestValue} characters.`);
    // Checked before the digest of the value is known.
    checkDefinition({ material: '', ...wanted } as Proposable, context);
  }

  async function afterChange({ what }: Proposal): Promise<void> {
    if (what.kind === 'role') await leases.endOfRole(what.name);
    await destroyUnused();
  }

  /** Removes the values of removed definitions, and of proposals that were rejected or expired. */
  async function destroyUnused(): Promise<void> {
    const state = await ledger.current();
    const used = usedMaterials(state, clock.now());
    const old = await materialsBefore(pool, clock.now() - 86_400_000);
    await destroyMaterials(pool, [...new Set([...state.destroyed, ...old.filter((digest) => !used.has(digest))])]);
  }

  const upkeep = createRounds({
    what: 'removal of unused values',
    work: destroyUnused,
    logger,
    everyMs: 3_600_000,
  });

  const view = (proposal: Proposal): SecretProposal => shownProposal(proposal, clock.now());

  return {
    ...leases,
    async definitions(holder) {
      const { definitions } = await ledger.current();
      return [...definitions.values()].filter(({ holders }) => holder === undefined || holders.includes(holder));
    },
    async propose(wanted, reason, by) {
      checkWanted(wanted);
      return view(await proposals.propose(await encrypted(wanted), reason, by));
    },
    async proposals(status) {
      const now = clock.now();
      return [...(await ledger.current()).proposals.values()]
        .map((proposal) => shownProposal(proposal, now))
        .filter((proposal) => status === undefined || proposal.status === status)
        .toReversed()
        .slice(0, mostListed);
    },
    proposal: async (id) => view(proposalOf(await ledger.current(), id)),
    async approve(id, digest, by) {
      const approved = await proposals.approve(id, digest, by, async ({ what }) => {
        checkDefinition(what, context);
        return 'venueKey' in what ? defined({ probe: await broker.probe(what) }) : {};
      });
      await afterChange(approved);
      return view(approved);
    },
    reject: async (id, reason, by) => view(await proposals.reject(id, reason, by)),
    endProposalsOf: proposals.endProposalsOf,
    read: (name, version, by) =>
      recordingRefusals(
        dependencies,
        by,
        { type: 'lease.denied', data: { operation: 'read', about: name } },
        async () => {
          const { definition, decision } = await judge.permit('secret', name, by);
          const wanted = definition.values.find((value) => value.version === (version ?? definition.version));
          if (wanted === undefined) throw unknownSecret();
          const value = await open(wanted.material, { kind: 'secret', name });
          await audit.append({
            id: newId('record', { clock, random }),
            source: 'secrets',
            type: 'secret.released',
            outcome: 'permit',
            ...recordedRequester(by),
            client: by.client,
            ...decided(decision, by),
            data: { name, version: wanted.version, decision: openDecision(decision) },
          });
          return { name, version: wanted.version, value: value.toString('utf8') };
        },
      ),
    broker,
    async stop() {
      await upkeep.stop();
      await leases.stop();
    },
  };
}

function usedMaterials({ definitions, proposals }: SecretsState, now: number): ReadonlySet<string> {
  const used = new Set<string>();
  for (const { values } of definitions.values()) for (const { material } of values) used.add(material);
  for (const { what, status, expiresAt } of proposals.values())
    if (statusAt(status, expiresAt, now) === 'proposed' && 'material' in what) used.add(what.material);
  return used;
}

function shownProposal(proposal: Proposal, now: number): SecretProposal {
  const { id, what, status, expiresAt, digest, decision } = proposal;
  const { kind, name, change, holders } = what;
  return {
    ...{ id, kind, name, change, digest, holders },
    status: statusAt(status, expiresAt, now),
    proposedBy: proposal.proposal.by,
    proposedAt: proposal.proposal.at,
    expiresAt: toInstant(expiresAt),
    reason: proposal.proposal.reason ?? '',
    ...('role' in what ? { role: what.role } : {}),
    ...('venueKey' in what ? { venueKey: what.venueKey, ...defined({ publicKey: what.publicKey }) } : {}),
    ...('material' in what ? { material: what.material } : {}),
    ...(decision === undefined ? {} : { decidedBy: decision.by, decidedAt: decision.at }),
  };
}
