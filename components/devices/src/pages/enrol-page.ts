import type { Device } from '@countersign/contracts';
import { type ChosenTexts, type Html, html, page } from '@countersign/runtime';
import { deviceScript } from '../challenge.ts';
import type { Texts } from '../texts/en.ts';

export function enrolPage(options: {
  readonly chosen: ChosenTexts<Texts>;
  readonly device: Device;
  readonly firm: string;
  readonly challenge: string;
  readonly action: string;
  readonly problem?: { readonly code: string; readonly detail: string };
  readonly development: boolean;
}): Html {
  const { device, firm, challenge, action, problem, development } = options;
  const { lang, texts } = options.chosen;
  const { enrol } = texts;
  return page({
    title: enrol.title,
    lang,
    banner: development ? texts.banner : undefined,
    scripts: [deviceScript.path],
    body: html`<section class="panel" aria-labelledby="title">
<h1 id="title">${enrol.title}</h1>
<p class="lead">${enrol.lead(device.id)}</p>
${problem && html`<div class="notice problem" role="alert"><p>${problem.detail} <span class="quiet">(${problem.code})</span></p></div>`}
<dl class="facts">
<div><dt>${enrol.device}</dt><dd><bdi>${device.id}</bdi></dd></div>
<div><dt>${enrol.firm}</dt><dd><bdi>${firm}</bdi></dd></div>
<div><dt>${enrol.holder}</dt><dd><bdi>${device.holder ?? enrol.anybody}</bdi></dd></div>
</dl>
<p>${enrol.what}</p>
<p>${enrol.check}</p>
<noscript><div class="notice problem" role="alert"><p>${enrol.noScript}</p></div></noscript>
<form method="post" action="${action}" data-device-enrol="${device.id}" data-device-challenge="${challenge}">
<input type="hidden" name="key" value="">
<p class="notice" role="status" aria-live="polite" data-device-status data-waiting="${enrol.waiting}" data-failed="${enrol.failed}" data-unsupported="${enrol.unsupported}" hidden></p>
<div class="actions"><button class="primary">${enrol.button}</button></div>
</form>
</section>`,
  });
}

/** The script stores the key when it finds this page, so a refused key is never kept. */
export function enrolledPage(
  { lang, texts }: ChosenTexts<Texts>,
  device: string,
  { development }: { readonly development: boolean },
): Html {
  const { enrolled } = texts;
  return page({
    title: enrolled.title,
    lang,
    banner: development ? texts.banner : undefined,
    scripts: [deviceScript.path],
    body: html`<section class="panel" aria-labelledby="title" data-device-enrolled="${device}">
<h1 id="title">${enrolled.title}</h1>
<p class="lead">${enrolled.lead(device)}</p>
<p class="hint" role="status" aria-live="polite" data-device-status data-kept="${enrolled.kept}">${enrolled.keeping}</p>
<p class="notice problem" role="alert" data-device-problem hidden>${enrolled.notKept} <span class="quiet">(device_key_not_kept)</span></p>
<p><a href="/me/devices">${enrolled.devices}</a></p>
</section>`,
  });
}
