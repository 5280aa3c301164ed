import {
  type PrincipalId,
  parsePrincipalId,
  type TransactionFacts,
  type TransactionRegistry,
} from '@countersign/contracts';
import { type Digest, newId, systemClock, systemRandom, type TransactionId } from '@countersign/kernel';
import { expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import { suiteOf, type UnderTest } from './suite.ts';

type Opening = Parameters<TransactionRegistry['open']>[0];

export interface TransactionRegistryUnderTest extends UnderTest<'transaction-registry'> {
  /** A client's intent under this idempotency key with this quantity; the same each time. */
  opening(idempotencyKey: string, quantity?: string): Opening;
  /** LEI of an institution with a step of its own in such a transaction, and the step. */
  readonly step: { readonly institution: string } & NonNullable<
    Awaited<ReturnType<TransactionRegistry['stepsOf']>>
  >[number];
  /** LEI of an institution without a part in it. */
  readonly stranger: string;
  /** Submits the order of an open transaction. */
  submit?(id: TransactionId): Promise<unknown>;
  awaiting?(): Promise<{ readonly id: TransactionId; readonly intentDigest: Digest; readonly approver: PrincipalId }>;
}

let count = 0;
const newKey = (): string => `conforming-${String(++count).padStart(6, '0')}`;
const unknown = (): TransactionId => newId('transaction', { clock: systemClock, random: systemRandom });

export const describeTransactionRegistry = suiteOf<'transaction-registry', TransactionRegistryUnderTest>(
  'transaction-registry',
  {
    open(made) {
      it('gives a client’s repeated intent under one key the same transaction, also twice at once', async () => {
        const { contract, opening } = made();
        const key = newKey();
        const [first, second] = await Promise.all([contract.open(opening(key)), contract.open(opening(key))]);
        expect(second?.id).toBe(first?.id);
        expect(await contract.open(opening(key))).toMatchObject({
          ...{ id: first?.id, intentDigest: first?.intentDigest, recordId: first?.recordId, state: 'intended' },
        });
        expect((await contract.open(opening(newKey()))).id).not.toBe(first?.id);
      });

      it('refuses another intent under a used key, and gives another client its own', async () => {
        const { contract, opening } = made();
        const key = newKey();
        const { id } = await contract.open(opening(key));
        expect(await codeOf(contract.open(opening(key, '7')))).toBe('idempotency_conflict');
        expect((await contract.open({ ...opening(key), client: 'another-client' })).id).not.toBe(id);
      });
    },

    facts(made) {
      it('are of the intent, its initiator and its state', async () => {
        const { contract, opening } = made();
        const asked = opening(newKey());
        const { id, intentDigest } = await contract.open(asked);
        const expected: Partial<TransactionFacts> = {
          ...{ id, intentDigest, state: 'intended', intentType: asked.detail.type, initiator: asked.initiator.id },
          ...{ initiatorInstitution: asked.initiator.institution ?? '', approvals: [] },
        };
        expect(await contract.facts(id)).toMatchObject({
          ...expected,
          mandate: { id: asked.mandate.id, version: asked.mandate.version },
        });
      });

      it('are absent for an unknown transaction', async () => {
        expect(await made().contract.facts(unknown())).toBeUndefined();
      });
    },

    stepsOf(made) {
      it('are those of the institution, and of no other', async () => {
        const { contract, opening, step, stranger } = made();
        const { id } = await contract.open(opening(newKey()));
        const { institution, event, scope } = step;
        expect(await contract.stepsOf(id, institution)).toEqual(expect.arrayContaining([{ event, scope }]));
        expect(await contract.stepsOf(id, stranger)).toBeUndefined();
        expect(await contract.stepsOf(unknown(), institution)).toBeUndefined();
      });
    },

    waitingFor(made) {
      it('names what a person may approve now, and nothing to anybody else', async () => {
        const { contract, awaiting, opening } = made();
        if (awaiting === undefined) throw new Error('nothing that waits');
        const { id, intentDigest, approver } = await awaiting();
        const found = await contract.waitingFor(approver, [intentDigest]);
        expect(found).toMatchObject({ waiting: [{ view: { intentDigest } }], more: false });
        expect(found.waiting[0]?.roles.length).toBeGreaterThan(0);
        expect(found.waiting[0]?.view.transaction).toBe(id);
        const initiator = parsePrincipalId(opening(newKey()).initiator.id);
        if (initiator === undefined) throw new Error('not a principal');
        expect(await contract.waitingFor(initiator, [intentDigest])).toEqual({ waiting: [], more: false });
      });
    },

    parties(made) {
      it('are all that may see it, and nobody for an unknown one', async () => {
        const { contract, opening, step, stranger } = made();
        const asked = opening(newKey());
        const { id } = await contract.open(asked);
        const parties = await contract.parties(id);
        expect(parties).toEqual(expect.arrayContaining([asked.initiator.institution, step.institution]));
        expect(parties).not.toContain(stranger);
        expect(await contract.parties(unknown())).toEqual([]);
      });
    },

    countsAgainstLimits(made) {
      it('is true once the order was submitted, and undefined for an unknown transaction', async () => {
        const { contract, opening, submit } = made();
        if (submit === undefined) throw new Error('nobody submits');
        const { id } = await contract.open(opening(newKey()));
        expect(await contract.countsAgainstLimits(id)).toBe(false);
        await submit(id);
        expect(await contract.countsAgainstLimits(id)).toBe(true);
        expect(await contract.countsAgainstLimits(unknown())).toBeUndefined();
      });
    },
  },
);
