import { readFileSync, writeFileSync } from 'node:fs';
import { systemClock } from '@countersign/kernel';
import { type Command, InvalidArgumentError } from 'commander';
import { request } from '../api.ts';
import { type ConnectionOptions, connect } from '../connection.ts';
import { dim, print } from '../output.ts';

const classes = ['workload', 'person', 'device', 'partner', 'service'] as const;
type AuthorityClass = (typeof classes)[number];
const profiles = [
  ...['trading-agent', 'risk-service', 'gateway', 'internal-process', 'operator-approval', 'device', 'partner-client'],
  'time-stamping',
] as const;

function classNamed(text: string): AuthorityClass {
  const found = classes.find((name) => name === text);
  if (found === undefined) throw new InvalidArgumentError(`There are ${classes.join(', ')}.`);
  return found;
}
const collect = (name: string, before: readonly string[]): readonly string[] => [...before, name];

interface Certificate {
  readonly serial: string;
  readonly status: string;
  readonly profile: string;
  readonly holder: string;
  readonly not_after: string;
}
const lineOf = ({ serial, status, profile, holder, not_after: until }: Certificate): string =>
  `${serial}  ${status.padEnd(7)} ${profile.padEnd(17)} ${holder}  ${dim(`until ${until}`)}`;

interface Proposal {
  readonly id: string;
  readonly kind: string;
  readonly about: string;
  readonly status: string;
  readonly proposed_by: { readonly id: string };
  readonly reason: string;
  readonly digest: string;
}

function drawProposal(proposal: Proposal): void {
  const { id, kind, about, status, proposed_by: by, reason, digest } = proposal;
  print(`${id}  ${status}  ${kind} ${about}`);
  print(dim(`  by ${by.id}: ${reason}`));
  print(dim(`  digest ${digest}`));
}

/** Certificates, profiles, authorities, and the key ceremony. */
export function pkiCommands(program: Command, options: () => ConnectionOptions): void {
  const pki = program.command('pki').description('the private certificate authority');
  certificateCommands(pki, options);
  enrolmentCommands(pki, options);
  authorityCommands(pki, options);
  ceremonyCommands(pki);
}

function certificateCommands(pki: Command, options: () => ConnectionOptions): void {
  pki
    .command('issue <profile> <holder>')
    .description('obtain a certificate; with --replaces, renew one of the same holder and profile')
    .requiredOption('--request <file>', 'certificate request, PEM (openssl req -new)')
    .option('--out <file>', 'where to write the certificate with its chain (default: the terminal)')
    .option('--seconds <number>', 'a shorter life than the profile has', Number)
    .option('--replaces <serial>')
    .action(
      async (
        named: string,
        holder: string,
        flags: {
          readonly request: string;
          readonly out?: string;
          readonly seconds?: number;
          readonly replaces?: string;
        },
      ) => {
        const profile = profiles.find((known) => known === named);
        if (profile === undefined) throw new InvalidArgumentError(`There are ${profiles.join(', ')}.`);
        const {
          certificate,
          pem,
          inclusion_proof: proof,
        } = await request(connect(options()), 'POST /certificates', {
          scope: 'certificate:issue',
          body: {
            ...{ profile, holder },
            request: readFileSync(flags.request, 'utf8'),
            ...(flags.seconds === undefined ? {} : { lifetime_seconds: flags.seconds }),
            ...(flags.replaces === undefined ? {} : { replaces: flags.replaces }),
          },
        });
        if (flags.out === undefined) print(pem.trimEnd());
        else writeFileSync(flags.out, pem);
        print(lineOf(certificate));
        print(dim(`record ${certificate.record_id}, ${proof}`));
      },
    );
  pki
    .command('list')
    .description('certificates, newest first')
    .option('--holder <principal>')
    .option('--status <status>', 'valid, revoked or expired')
    .action(async ({ holder, status: named }: { readonly holder?: string; readonly status?: string }) => {
      const status = (['valid', 'revoked', 'expired'] as const).find((known) => known === named);
      const inputs = { scope: 'certificate:read', query: { holder, status } } as const;
      const { certificates } = await request(connect(options()), 'GET /certificates', inputs);
      for (const each of certificates) print(lineOf(each));
      if (certificates.length === 0) print(dim('none'));
    });
  pki
    .command('show <serial>')
    .description('a certificate with its chain')
    .action(async (serial: string) => {
      const inputs = { scope: 'certificate:read', params: { serial } } as const;
      const { certificate, pem } = await request(connect(options()), 'GET /certificates/{serial}', inputs);
      print(pem.trimEnd());
      print(lineOf(certificate));
    });
  pki
    .command('revoke <serial>')
    .description('revoke a certificate; OCSP answers so at once')
    .option('--reason <reason>', 'as RFC 5280 names it, e.g. keyCompromise, superseded', 'unspecified')
    .action(async (serial: string, { reason: named }: { readonly reason: string }) => {
      const reasons = [
        ...(['unspecified', 'keyCompromise', 'affiliationChanged', 'superseded'] as const),
        ...(['cessationOfOperation', 'privilegeWithdrawn'] as const),
      ];
      const reason = reasons.find((known) => known === named);
      if (reason === undefined) throw new InvalidArgumentError(`There are ${reasons.join(', ')}.`);
      const inputs = { scope: 'certificate:revoke', params: { serial }, body: { reason } } as const;
      print(lineOf(await request(connect(options()), 'POST /certificates/{serial}/revoke', inputs)));
    });
}

function enrolmentCommands(pki: Command, options: () => ConnectionOptions): void {
  pki
    .command('enrol <profile> <holder>')
    .description(
      'make the one-time secret with which an ACME client (certbot, lego) opens an account for this principal',
    )
    .option('--dns <name...>', 'hosts that its certificates may name', [])
    .option('--hours <number>', 'for how long the secret can be used', Number, 24)
    .action(
      async (
        named: string,
        holder: string,
        { dns, hours }: { readonly dns: readonly string[]; readonly hours: number },
      ) => {
        const profile = profiles.find((known) => known === named);
        if (profile === undefined) throw new InvalidArgumentError(`There are ${profiles.join(', ')}.`);
        const made = await request(connect(options()), 'POST /certificates/enrolments', {
          scope: 'certificate:issue',
          body: { profile, holder, dns_names: dns, expires_in_seconds: Math.round(hours * 3_600) },
        });
        print(`directory  ${made.directory}`);
        print(`key id     ${made.key_id}`);
        print(`HMAC key   ${made.hmac_key}`);
        print(dim(`shown once; open until ${made.enrolment.expires_at}; record ${made.enrolment.record_id}`));
      },
    );
  pki
    .command('enrolments')
    .description('enrolments and their ACME accounts, newest first')
    .option('--holder <principal>')
    .action(async ({ holder }: { readonly holder?: string }) => {
      const inputs = { scope: 'certificate:read', query: { holder } } as const;
      const { enrolments } = await request(connect(options()), 'GET /certificates/enrolments', inputs);
      for (const each of enrolments)
        print(
          `${each.id}  ${each.status.padEnd(7)} ${each.profile.padEnd(17)} ${each.holder}  ${dim(each.dns_names.join(' '))}`,
        );
      if (enrolments.length === 0) print(dim('none'));
    });
  pki
    .command('end-enrolment <id>')
    .description('end an enrolment and its account; certificates that were issued stay valid')
    .requiredOption('--reason <text>', 'recorded')
    .action(async (id: string, { reason }: { readonly reason: string }) => {
      const inputs = { scope: 'certificate:revoke', params: { id }, body: { reason } } as const;
      const ended = await request(connect(options()), 'POST /certificates/enrolments/{id}/end', inputs);
      print(`${ended.id}  ${ended.status}`);
    });
}

function authorityCommands(pki: Command, options: () => ConnectionOptions): void {
  pki
    .command('profiles')
    .description('certificate profiles with the terms in force')
    .action(async () => {
      const inputs = { scope: 'certificate:read' } as const;
      for (const each of (await request(connect(options()), 'GET /certificates/profiles', inputs)).profiles)
        print(
          `${each.name.padEnd(18)} v${each.version}  ${each.enabled ? `${each.lifetime_seconds} s` : 'off'}  ${dim(`${each.authority}, revocation ${each.revocation}${each.dns_names.length === 0 ? '' : `, ${each.dns_names.join(' ')}`}`)}`,
        );
    });
  pki
    .command('authorities')
    .description('issuing authorities')
    .action(async () => {
      const inputs = { scope: 'certificate:read' } as const;
      const { authorities } = await request(connect(options()), 'GET /certificates/authorities', inputs);
      for (const each of authorities)
        print(
          `${each.class.padEnd(9)} ${each.state.padEnd(9)} ${each.id}  ${dim(`from ${each.usable_from} until ${each.not_after}`)}`,
        );
      if (authorities.length === 0) print(dim('none'));
    });
  pki
    .command('request <class>')
    .description(
      'write the request for an issuing authority (workload, person, device, partner, service), for the ceremony',
    )
    .requiredOption('--out <file>')
    .action(async (named: string, { out }: { readonly out: string }) => {
      const inputs = { scope: 'authority:propose', params: { class: classNamed(named) } } as const;
      const asked = await request(connect(options()), 'POST /certificates/authorities/{class}/request', inputs);
      writeFileSync(out, `${JSON.stringify(asked, null, 2)}\n`);
      print(`${asked.name}  ${dim(`key ${asked.id}`)}`);
    });
  pki
    .command('propose <file>')
    .description('propose the result of a ceremony; another person approves it')
    .requiredOption('--reason <text>', 'recorded')
    .action(async (file: string, { reason }: { readonly reason: string }) => {
      const { readCeremony } = await import('./pki/ceremony-files.ts');
      const ceremony = readCeremony(file);
      const { certificate, root, transcript } = ceremony;
      const proposal = await request(connect(options()), 'POST /certificates/authorities/{class}/proposals', {
        scope: 'authority:propose',
        params: { class: classNamed(ceremony.class) },
        body: { certificate, root, transcript, reason },
      });
      drawProposal(proposal);
    });
  pki
    .command('terms <profile>')
    .description('propose other terms of a profile; another person approves them')
    .requiredOption('--seconds <number>', 'longest life of its certificates', Number)
    .option('--dns <name...>', 'DNS names, and domains with a leading dot', [])
    .option('--off', 'issue no more certificates under it', false)
    .requiredOption('--reason <text>', 'recorded')
    .action(
      async (
        name: string,
        flags: {
          readonly seconds: number;
          readonly dns: readonly string[];
          readonly off: boolean;
          readonly reason: string;
        },
      ) => {
        const { seconds, dns, off, reason } = flags;
        const proposal = await request(connect(options()), 'POST /certificates/profiles/{name}/proposals', {
          scope: 'authority:propose',
          params: { name },
          body: { enabled: !off, lifetime_seconds: seconds, dns_names: dns, reason },
        });
        drawProposal(proposal);
      },
    );
  pki
    .command('proposals')
    .description('proposals about authorities and profiles')
    .action(async () => {
      const inputs = { scope: 'certificate:read', query: {} } as const;
      const { proposals } = await request(connect(options()), 'GET /certificates/proposals', inputs);
      for (const each of proposals) drawProposal(each);
      if (proposals.length === 0) print(dim('none'));
    });
  pki
    .command('approve <id>')
    .description('approve a proposal, as another person than the proposer (another --client, --key)')
    .requiredOption('--digest <digest>', 'of the proposal that you have read')
    .action(async (id: string, { digest }: { readonly digest: string }) => {
      const inputs = { scope: 'authority:approve', params: { id }, body: { digest } } as const;
      drawProposal(await request(connect(options()), 'POST /certificates/proposals/{id}/approve', inputs));
    });
  pki
    .command('reject <id>')
    .requiredOption('--reason <text>', 'recorded')
    .description('reject a proposal')
    .action(async (id: string, { reason }: { readonly reason: string }) => {
      const inputs = { scope: 'authority:approve', params: { id }, body: { reason } } as const;
      drawProposal(await request(connect(options()), 'POST /certificates/proposals/{id}/reject', inputs));
    });
}

function ceremonyCommands(pki: Command): void {
  const ceremony = pki
    .command('ceremony')
    .description('the offline root; on a machine without a network, with two people present');
  const passphraseOf = (file: string): string => readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  ceremony
    .command('root')
    .description('make the key and the certificate of the root')
    .requiredOption('--folder <folder>', 'made; keep it on removable media, in a safe')
    .requiredOption('--organization <name>')
    .requiredOption('--passphrase-file <file>', 'encrypts the key; 16 characters at least')
    .requiredOption('--person <name>', 'who is present; twice at least', collect, [])
    .option('--years <number>', 'how long the root lives', Number, 20)
    .action(
      async (flags: {
        readonly folder: string;
        readonly organization: string;
        readonly passphraseFile: string;
        readonly person: readonly string[];
        readonly years: number;
      }) => {
        const { createRoot } = await import('./pki/ceremony.ts');
        const { folder, organization, person: persons, years } = flags;
        const passphrase = passphraseOf(flags.passphraseFile);
        const made = await createRoot({ folder, organization, persons, years, passphrase, now: systemClock.now() });
        print(made.transcript.trimEnd());
      },
    );
  ceremony
    .command('sign')
    .description('sign the request of an issuing authority')
    .requiredOption('--folder <folder>', 'of the root')
    .requiredOption('--request <file>', 'as `countersign pki request` has written it')
    .requiredOption('--passphrase-file <file>')
    .requiredOption('--person <name>', 'who is present; twice at least', collect, [])
    .option('--years <number>', 'how long the authority lives', Number, 5)
    .requiredOption('--out <file>', 'for `countersign pki propose`')
    .action(
      async (flags: {
        readonly folder: string;
        readonly request: string;
        readonly passphraseFile: string;
        readonly person: readonly string[];
        readonly years: number;
        readonly out: string;
      }) => {
        const { signAuthority } = await import('./pki/ceremony.ts');
        const { readAuthorityRequest } = await import('./pki/ceremony-files.ts');
        const { folder, person: persons, years, out } = flags;
        const asked = readAuthorityRequest(flags.request);
        const passphrase = passphraseOf(flags.passphraseFile);
        const made = await signAuthority({
          folder,
          request: asked,
          persons,
          years,
          passphrase,
          now: systemClock.now(),
        });
        writeFileSync(out, `${JSON.stringify(made, null, 2)}\n`);
        print(made.transcript.trimEnd());
      },
    );
  ceremony
    .command('list')
    .description('sign the revocation list of the root, for software that wants a list at every level')
    .requiredOption('--folder <folder>', 'of the root')
    .requiredOption('--passphrase-file <file>')
    .requiredOption('--person <name>', 'who is present; twice at least', collect, [])
    .option('--revoke <file>', 'PEM of an issuing authority that must not be trusted any more; repeatable', collect, [])
    .option('--days <number>', 'how long the list is valid', Number, 180)
    .requiredOption('--out <file>', 'the list, PEM')
    .action(
      async (flags: {
        readonly folder: string;
        readonly passphraseFile: string;
        readonly person: readonly string[];
        readonly revoke: readonly string[];
        readonly days: number;
        readonly out: string;
      }) => {
        const { signRootList } = await import('./pki/ceremony.ts');
        const { folder, person: persons, days, out } = flags;
        const passphrase = passphraseOf(flags.passphraseFile);
        const revoked = flags.revoke.map((file) => readFileSync(file, 'utf8'));
        const made = await signRootList({ folder, persons, revoked, days, passphrase, now: systemClock.now() });
        writeFileSync(out, made.list);
        print(made.transcript.trimEnd());
      },
    );
}
