import {
  type DirectorySnapshot,
  developmentAcr,
  type Institution,
  isInBusiness,
  type Person,
  parsePrincipalId,
} from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { type Html, html } from '@countersign/runtime';
import type { MethodPage, SignInMethod } from './method.ts';

/** The filter finds the others. */
const maxShown = 50;
const longestFilter = 100;

/** A person is chosen by name, in development only. @throws CodedError `configuration_unsafe` in any other environment */
export function developmentMethod({ environment }: { readonly environment: string }): SignInMethod {
  if (environment !== 'development')
    throw new CodedError({
      code: 'configuration_unsafe',
      category: 'invalid',
      detail: 'The sign-in method development does not authenticate anybody. Use it only in development.',
    });
  return {
    name: 'development',
    acrs: [developmentAcr],
    draw,
    bindsIntents: true,
    async attempt({ fields, directory, need }) {
      const id = parsePrincipalId(fields.get('person'));
      const person = id === undefined ? undefined : directory.principal(id);
      if (person?.kind !== 'person') {
        const detail = fields.has('person')
          ? 'This person is not in the directory. Choose one from the list.'
          : 'Choose a person from the list first.';
        return { outcome: 'refused', code: 'person_unknown', detail };
      }
      const boundToIntents = need.intents !== undefined;
      return { outcome: 'identified', person: person.id, acr: developmentAcr, amr: [], boundToIntents };
    },
  };
}

interface Listed {
  readonly person: Person;
  readonly institution: Institution;
}

function draw({ action, hidden, cancel, query, need, directory }: MethodPage): Html {
  const filter = (query.get('find') ?? '').slice(0, longestFilter).trim();
  const hint = need.loginHint === undefined ? undefined : personHinted(need.loginHint);
  const chosen = query.get('person') ?? hint;
  const found = listOf(directory, filter, hint);
  const shown = found.slice(0, maxShown);
  return html`<div class="notice warning"><p><strong>Development sign-in.</strong> You choose a person without authentication. This method is available in development only.</p></div>
<form method="get" action="${action}" role="search">
<label for="find">Find a person</label>
<div class="row"><div><input type="search" id="find" name="find" value="${filter}" maxlength="${longestFilter}" autocomplete="off" spellcheck="false" aria-describedby="find-hint"></div>
<button type="submit">Filter</button></div>
<p class="hint" id="find-hint">By id, institution, desk or role.</p>
</form>
<form method="post" action="${action}">
${hidden}${filter !== '' && html`<input type="hidden" name="find" value="${filter}">`}
<fieldset>
<legend>Sign in as</legend>
${
  shown.length === 0
    ? html`<p role="status">Nobody in the directory ${filter === '' ? 'can sign in' : html`matches <strong>${filter}</strong>`}.</p>`
    : html`<ul class="choices">${shown.map((listed, index) => choice(listed, index, listed.person.id === chosen))}</ul>
${found.length > shown.length && html`<p class="hint" role="status">${shown.length} of ${found.length} people. Use the filter to find the others.</p>`}`
}
</fieldset>
<div class="actions">
${shown.length > 0 && html`<button class="primary" name="action" value="sign-in">Sign in</button>`}
${cancel}
</div>
</form>`;
}

function choice({ person, institution }: Listed, index: number, chosen: boolean): Html {
  const { desk, roles } = person;
  return html`<li><label class="choice" for="person-${index}">
<input type="radio" name="person" id="person-${index}" value="${person.id}" required${chosen && html` checked`}>
<span><span class="name"><bdi>${person.id.slice('person:'.length)}</bdi></span>
<span class="about"><bdi>${institution.name}</bdi>${desk !== undefined && html` · desk <bdi>${desk}</bdi>`}</span>
${roles.length > 0 && html`<span class="about"><span class="unseen">Roles: </span>${roles.map((role) => html`<span class="tag">${role}</span> `)}</span>`}</span>
</label></li>`;
}

/** A hint may omit the kind. */
function personHinted(hint: string): string {
  return hint.startsWith('person:') ? hint : `person:${hint}`;
}

/** Of an institution that may act; the expected person first. */
function listOf(directory: DirectorySnapshot, filter: string, hint: string | undefined): readonly Listed[] {
  const wanted = filter.toLowerCase();
  const listed: Listed[] = [];
  for (const person of directory.principals()) {
    if (person.kind !== 'person') continue;
    const institution = directory.institution(person.institution);
    if (institution === undefined || !isInBusiness(institution)) continue;
    const words = [person.id, institution.name, institution.lei, person.desk ?? '', ...person.roles];
    if (wanted === '' || words.some((word) => word.toLowerCase().includes(wanted)))
      listed.push({ person, institution });
  }
  const rank = ({ person, institution }: Listed) =>
    `${person.id === hint ? 0 : 1} ${institution.name} ${institution.lei} ${person.id}`;
  return listed.sort((one, other) => (rank(one) < rank(other) ? -1 : 1));
}
