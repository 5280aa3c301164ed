import { type AskedStatement, type Authenticator, hardwareAcr } from '@countersign/contracts';
import {
  ceremonyAttributes,
  ceremonyFields,
  type Html,
  html,
  inWords,
  page,
  problemNotice,
} from '@countersign/runtime';
import { accountPath, refusalText, type TextContext } from '../page-parts.ts';

export function enrolmentPage(
  content: TextContext & {
    readonly action: string;
    readonly asked: AskedStatement;
    readonly person: string;
    readonly institution: string;
    /** Milliseconds since the epoch. */
    readonly expiresAt: number;
    readonly needsHardware: boolean;
    /** Code of the previous attempt's error. */
    readonly problem: string | undefined;
    readonly typedName: string | undefined;
  },
): Html {
  const { texts, lang, banner, action, asked, person, institution, expiresAt, needsHardware, problem } = content;
  const { typedName = '' } = content;
  const { enrolment } = texts;
  return page({
    ...{ lang, banner, script: true },
    title: enrolment.title,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${enrolment.title}</h1>
<p class="lead">${enrolment.lead}</p>
${problem !== undefined && problemNotice(enrolment.problem, refusalText(texts, problem), problem)}
<dl class="facts">
<div><dt>${enrolment.person}</dt><dd><bdi>${person}</bdi></dd></div>
<div><dt>${enrolment.firm}</dt><dd><bdi>${institution}</bdi></dd></div>
<div><dt>${enrolment.until}</dt><dd>${inWords(expiresAt, lang)}</dd></div>
</dl>
<p class="quiet">${enrolment.notYou}</p>
<p>${enrolment.how}</p>
<p>${needsHardware ? enrolment.hardware : enrolment.any}</p>
<form method="post" action="${action}"${ceremonyAttributes('create', asked.options)}>
<input type="hidden" name="handle" value="${asked.handle}">
<label for="name">${enrolment.name}</label>
<input type="text" id="name" name="name" value="${typedName}" maxlength="60" autocomplete="off" aria-describedby="name-hint">
<p class="hint" id="name-hint">${enrolment.nameHint}</p>
${ceremonyFields(lang)}
<div class="actions"><button class="primary">${enrolment.register}</button></div>
</form>
</section>`,
  });
}

export function enrolledPage(content: TextContext & { readonly authenticator: Authenticator }): Html {
  const { lang, banner, authenticator } = content;
  const { enrolment, selfService } = content.texts;
  return page({
    ...{ lang, banner },
    title: enrolment.doneTitle,
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${enrolment.doneTitle}</h1>
<p class="lead"><strong><bdi>${authenticator.name}</bdi></strong> ${enrolment.done}</p>
${authenticator.acr === hardwareAcr && html`<p>${enrolment.doneHardware}</p>`}
<p>${enrolment.another}</p>
<p><a href="${accountPath}">${selfService.title}</a></p>
</section>`,
  });
}
