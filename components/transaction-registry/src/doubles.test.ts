import { newId, systemRandom } from '@countersign/kernel';
import { createMemoryLog, fixedClock, personOf } from '@countersign/testkit';
import { describeAuthenticators, describePolicyEngine, describeStatements } from '@countersign/testkit/conformance';
import { broker } from '../../consent-store/src/testing/firms.ts';
import { stepQuestion, transactionOf, worth } from '../../policy-engine/src/testing/desk.ts';
import { createSmallAuthenticators } from './testing/small-authenticators.ts';
import { createSmallPolicyEngine } from './testing/small-policy-engine.ts';

const start = Date.parse('2026-06-15T10:00:00Z');
let count = 0;

function smallAuthenticators() {
  const clock = fixedClock(start);
  const audit = createMemoryLog(clock, { checked: ['consent-store', 'transaction-registry'] });
  const small = createSmallAuthenticators({ clock, audit, random: systemRandom });
  const people = new Map<string, ReturnType<typeof personOf>>();
  const known = (id: string) => {
    const person = people.get(id);
    if (person === undefined) throw new Error(`nobody is ${id}`);
    return person;
  };
  return {
    ...{ clock, register: small.register, statements: small.statements, inviter: 'nobody' },
    somebody() {
      const person = personOf(`somebody${++count}`, broker);
      people.set(person.id, person);
      return person.id;
    },
    async enrol(id: string) {
      const { device, authenticator } = await small.enrol(known(id));
      return { authenticator, sign: (options: unknown) => device.get(options) };
    },
    lock: async (id: string) => small.lock(known(id)),
  };
}

describeAuthenticators('createSmallAuthenticators', async () => {
  const { register, ...people } = smallAuthenticators();
  return { contract: register, ...people };
}, ['of', 'isLocked']);

describeStatements('createSmallAuthenticators', async () => {
  const { statements, clock, ...people } = smallAuthenticators();
  return {
    ...{ contract: statements, clock, ...people },
    claims(iss) {
      const iat = clock.now() / 1000;
      const jti = newId('approval', { clock, random: systemRandom });
      return { typ: 'test+webauthn', iss, iat, exp: iat + 300, jti };
    },
  };
});

describePolicyEngine('createSmallPolicyEngine', async () => {
  const clock = fixedClock(start);
  const policyRecord = newId('record', { clock, random: systemRandom });
  const contract = createSmallPolicyEngine({ clock, random: systemRandom, policyRecord, limits: {} as never });
  const order = (notional: string) =>
    stepQuestion('order:create', transactionOf('trade_order', { set: worth(notional) }));
  return { contract, permitted: order('900000'), denied: () => order('2000000'), recorded: () => 0 };
}, ['decide']);
