import { newId, systemRandom } from '@countersign/kernel';
import { databaseErrors } from '@countersign/runtime';
import { describeAuditLog } from './conformance/audit-log.ts';
import { describeAuthentication } from './conformance/authentication.ts';
import { describeAuthenticators, describeStatements } from './conformance/authenticators.ts';
import { describeNotices } from './conformance/notices.ts';
import { describeOutbound } from './conformance/outbound.ts';
import { describeSigner } from './conformance/signer.ts';
import { describeSingleUse } from './conformance/single-use.ts';
import { fixedClock } from './fixed-clock.ts';
import { createMemoryLog } from './memory-log.ts';
import { createMemoryNotices } from './memory-notices.ts';
import { createMemorySigner } from './memory-signer.ts';
import { createMemorySingleUse } from './memory-single-use.ts';
import { leiOf, personOf } from './people.ts';
import { createPeopleKeys } from './people-keys.ts';
import { plainOutbound } from './plain-outbound.ts';
import { cookieSignIn } from './signed-in.ts';

const start = Date.parse('2026-11-21T09:30:00Z');

describeAuditLog('the log in memory', async () => {
  const clock = fixedClock(start);
  const log = createMemoryLog(clock);
  return {
    log,
    clock,
    breakDown: async () => log.breakDown(),
    repair: async () => log.repair(),
    close: async () => undefined,
  };
});

describeSingleUse('the double in memory', async () => {
  const clock = fixedClock(start);
  const singleUse = createMemorySingleUse(clock);
  return {
    nodes: [singleUse],
    clock,
    breakDown: async () => singleUse.failWith(databaseErrors.error('database_unavailable', 'The database is gone.')),
    repair: async () => singleUse.failWith(undefined),
    close: async () => undefined,
  };
});

describeSigner('the double in memory', async () => {
  const signer = createMemorySigner();
  return {
    signer,
    passLead: async (purpose) => signer.activate(purpose),
    passLongestLife: async (purpose) => signer.retire(purpose),
    close: async () => undefined,
  };
});

const institution = leiOf('529900BROKER');

describeNotices('createMemoryNotices', async () => {
  const notices = createMemoryNotices();
  return {
    contract: notices,
    ...{ to: personOf('anna.keller', institution).id, institution },
    taken: async () => notices.told.length,
  };
});

describeOutbound('plainOutbound', async () => ({ contract: plainOutbound }), ['getJson', 'post']);

describeAuthentication('cookieSignIn', async () => {
  const person = personOf('anna.keller', institution).id;
  return { contract: cookieSignIn, signIn: async () => ({ person, cookie: `signed-in=${person}/reading` }) };
}, ['current', 'begin']);

let count = 0;
function peopleWithKeys() {
  const clock = fixedClock(start);
  const inviter = 'person:olga.office';
  const { register, statements, enrol, keyOf } = createPeopleKeys({
    ...{ clock, random: systemRandom, origin: 'https://id.example' },
  });
  return {
    ...{ clock, inviter, register, statements },
    somebody: () => personOf(`somebody${++count}`, institution).id,
    async enrol(person: Parameters<typeof enrol>[0]) {
      await register.invite({ person, evidence: ['file 7'] }, { id: inviter });
      const authenticator = enrol(person);
      const key = keyOf(person);
      return { authenticator, sign: (options: unknown) => key.get(options) };
    },
    lock: (person: Parameters<typeof enrol>[0]) => register.lock(person, { id: inviter }, 'A test'),
  };
}

describeAuthenticators('createPeopleKeys', async () => {
  const { register, ...people } = peopleWithKeys();
  return { contract: register, ...people };
});

describeStatements('createPeopleKeys', async () => {
  const { statements, clock, ...people } = peopleWithKeys();
  return {
    ...{ contract: statements, clock, ...people },
    claims(iss) {
      const iat = clock.now() / 1000;
      const jti = newId('approval', { clock, random: systemRandom });
      return { typ: 'test+webauthn', iss, iat, exp: iat + 300, jti };
    },
  };
});
