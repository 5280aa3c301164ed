import { declaresRefusal, type Remote, type RemoteContract, remoteCalls } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import { codecOf, type Offered, remoteContract } from '@countersign/wire';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import { createProcessRig, serving } from '../process-rig.ts';

/** An implementation of a contract. Each suite adds what else it needs. */
export interface UnderTest<Name extends RemoteContract> {
  readonly contract: Remote<Name>;
  readonly close?: () => Promise<unknown>;
}

type Method<Name extends RemoteContract> = keyof Remote<Name> & string;
/** As a test supplies it: a double may implement only some of the methods. */
type Given<Name extends RemoteContract, Made extends UnderTest<Name>> = Omit<Made, 'contract'> & {
  readonly contract: Partial<Remote<Name>>;
};

type Complete<Name extends RemoteContract, Made extends UnderTest<Name>> = Omit<Made, 'contract'> & {
  readonly contract: Remote<Name>;
};

/** The tests of a contract, for any implementation. */
export interface Suite<Name extends RemoteContract, Made extends UnderTest<Name>> {
  readonly contract: Name;
  /**
   *
   * @param name of the implementation
   * @param has methods that an incomplete double implements
   */
  (name: string, make: () => Promise<Given<Name, Made>>, has?: readonly Method<Name>[]): void;
}

/**
 * A suite with tests of each method of a contract. It validates every response against the schema of its call, and every refusal
 * against the codes that the call declares.
 *
 * @param promises tests of each method; `made` is available when a test runs
 */
export function suiteOf<Name extends RemoteContract, Made extends UnderTest<Name>>(
  contract: Name,
  promises: { readonly [Each in Method<Name>]: (made: () => Complete<Name, Made>) => void },
): Suite<Name, Made> {
  const suite = (name: string, make: () => Promise<Given<Name, Made>>, has?: readonly Method<Name>[]): void => {
    describe(`the contract ${contract}, implemented by ${name}`, () => {
      let made: Complete<Name, Made> | undefined;
      const asked = new Set<string>();
      beforeAll(async () => {
        const given = await make();
        made = { ...given, contract: watched(contract, given.contract, asked) };
      });
      afterAll(async () => made?.close?.());
      for (const method of methodsOf(contract))
        describe.skipIf(has !== undefined && !has.includes(method))(method, () => {
          promises[method](() => {
            if (made === undefined) throw new Error('a suite was asked for what it tests before its tests ran');
            return made;
          });
          it('was called', () => expect([...asked]).toContain(method));
        });
    });
  };
  return Object.assign(suite, { contract });
}

/**
 * Runs a suite against a component twice: in process, and in another process over mutual TLS, which refuses values that violate
 * their schema.
 *
 * @param make may return the same component each time
 */
export function describeComponent<Name extends RemoteContract, Made extends UnderTest<Name>>(
  suite: Suite<Name, Made>,
  make: () => Promise<NoInfer<Made>>,
): void {
  const { contract } = suite;
  suite('the component', make);
  suite('the component in another process', async () => {
    const made = await make();
    const wire = await overMutualTls(contract, made.contract);
    return {
      ...made,
      contract: remoteContract(contract, wire.peer),
      async close() {
        await wire.stop();
        await made.close?.();
      },
    };
  });
  describeUnfitCalls(contract, make);
}

/** Calls of another process with arguments that violate the schema. */
export function describeUnfitCalls<Name extends RemoteContract>(
  contract: Name,
  make: () => Promise<UnderTest<Name>>,
): void {
  describe(`a call of ${contract} that violates its schema`, () => {
    const asked = new Set<string>();
    let made: UnderTest<Name>;
    let wire: Awaited<ReturnType<typeof overMutualTls>>;
    beforeAll(async () => {
      made = await make();
      wire = await overMutualTls(contract, watched(contract, made.contract, asked));
    });
    afterAll(async () => {
      await wire.stop();
      await made.close?.();
    });

    it.each(methodsOf(contract))('is refused before it reaches the component: %s', async (method) => {
      for (const body of ['{}', 'null', '[null,null,null,null,null,null,null,null]'])
        expect(await codeOf(wire.peer.call({ contract, method, body, timeoutMs: 5_000, repeatable: false }))).toBe(
          'call_malformed',
        );
      expect([...asked]).toEqual([]);
    });
  });
}

/** A process with this component, and another process connected to it. */
export async function overMutualTls<Name extends RemoteContract>(contract: Name, component: Remote<Name>) {
  const rig = createProcessRig();
  const offered: Offered = Object.fromEntries<unknown>([[contract, component]]);
  const address = await rig.serve('served', serving(offered));
  return { peer: rig.connect({ name: 'served', addresses: [address] }, 'calling'), stop: () => rig.stop() };
}

function methodsOf<Name extends RemoteContract>(contract: Name): readonly Method<Name>[] {
  const calls: Readonly<Record<Method<Name>, unknown>> = remoteCalls[contract];
  return Object.keys(calls) as Method<Name>[];
}

/** Records calls, and rejects results that another process could not receive. */
function watched<Name extends RemoteContract>(
  contract: Name,
  keeper: Partial<Remote<Name>>,
  asked: Set<string>,
): Remote<Name> {
  const methods = methodsOf(contract).map((method) => {
    const implementation: unknown = keeper[method];
    const codec = codecOf(contract, method);
    const ask = async (...values: readonly unknown[]): Promise<unknown> => {
      asked.add(method);
      if (typeof implementation !== 'function') throw new Error(`the double does not have ${contract}.${method}`);
      try {
        const answer: unknown = await Reflect.apply(implementation, keeper, values);
        codec.readAnswer(codec.writeAnswer(answer));
        return answer;
      } catch (error) {
        if (!isCodedError(error) || declaresRefusal(contract, method, error)) throw error;
        throw new Error(`${contract}.${method} does not declare ${error.code}`, { cause: error });
      }
    };
    return [method, ask];
  });
  return Object.fromEntries(methods);
}
